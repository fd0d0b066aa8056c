using System.CommandLine;
using ShardAdmin.Cluster;
using ShardAdmin.CommandLine;
using ShardAdmin.Output;
using Spectre.Console;

namespace ShardAdmin.Commands;

internal sealed class RoutersCommand() : AdminCommand(
    "routers", "Who serves, and with which ring", "shardadmin routers", "shardadmin routers -o json | jq '.routers[] | select(.behind > 0)'")
{
    public override async Task<ExitCode> ExecuteAsync(ParseResult parse, AdminSession session, CancellationToken cancellation)
    {
        var ring = await session.FindRingAsync(cancellation);
        var routers = await RouterLine.ListAsync(session, ring, cancellation);
        session.Output.WriteList(new { epoch = ring?.Epoch.Value, routers }, routers, console =>
        {
            if (routers.Count == 0)
                console.WriteLine("No router is registered.");
            else
                console.Write(RouterLine.Table(routers));
        });
        return ExitCode.Done;
    }
}
