using System.CommandLine;
using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardAdmin.Rings;

namespace ShardAdmin.Commands;

internal sealed class RingExportCommand() : AdminCommand(
    "export", "Prints the ring document, byte for byte as routers read it",
    "shardadmin ring export > ring.json", "shardadmin ring export | jq .epoch")
{
    public override async Task<ExitCode> ExecuteAsync(ParseResult parse, AdminSession session, CancellationToken cancellation)
    {
        await session.RequireRingAsync(cancellation); // a bad document is an error: it is not printed as if it were good
        session.Output.WriteDocument(await session.Rings.ReadTextAsync(cancellation) ?? "");
        return ExitCode.Done;
    }
}
