using System.CommandLine;
using ShardAdmin.Cluster;
using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardAdmin.Rings;
using Spectre.Console;

namespace ShardAdmin.Commands;

internal sealed class RoutersCommand() : AdminCommand(
    "routers", "Lists the registered routers and the epoch of the ring that each of them uses",
    "shardadmin routers", "shardadmin routers -o json | jq '.routers[] | select(.behind > 0)'")
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
