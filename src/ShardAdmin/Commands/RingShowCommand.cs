using System.CommandLine;
using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardAdmin.Output;
using ShardAdmin.Rings;
using ShardCore.Ring;
using Spectre.Console;

namespace ShardAdmin.Commands;

internal sealed class RingShowCommand() : AdminCommand(
    "show", "Shows the shards, and how many and which slots each of them owns",
    "shardadmin ring show", "shardadmin ring show -o json | jq '.shards[] | {id, slots}'")
{
    /// <summary>The table only counts further runs of slots; JSON has all.</summary>
    private const int RunsShown = 4;

    public override async Task<ExitCode> ExecuteAsync(ParseResult parse, AdminSession session, CancellationToken cancellation)
    {
        var ring = await session.RequireRingAsync(cancellation);
        var runs = ring.Runs().ToLookup(run => run.Owner);
        var shards = ring.Shards.Select(shard => new ShardLine(
            shard.Id.Value, shard.Address, shard.Weight, shard.State, runs[shard.Id].Sum(run => run.Length),
            (double)runs[shard.Id].Sum(run => run.Length) / Slot.Count,
            [.. runs[shard.Id].Select(run => SlotText.Of(run))])).ToArray();
        session.Output.WriteList(
            new { cluster = ring.Cluster.Name, clusterId = ring.Cluster.Id, epoch = ring.Epoch.Value, shards }, shards,
            console => Render(console, ring, shards));
        return ExitCode.Done;
    }

    private static void Render(IAnsiConsole console, ShardRing ring, ShardLine[] shards)
    {
        console.WriteLine($"Cluster {ring.Cluster.Name}, epoch {ring.Epoch}, {Tables.Counted(shards.Length, "shard")}.");
        if (ring.IsEmpty)
            return;
        var table = Tables.New("shard", "address", ">weight", "state", ">slots", ">share", "which");
        foreach (var shard in shards)
            table.Row(
                shard.Id, shard.Address, $"{shard.Weight}", $"{shard.State}".ToLowerInvariant(), Tables.Count(shard.Slots),
                Tables.Percent(shard.Share),
                string.Join(',', shard.Runs.Take(RunsShown)) + (shard.Runs.Count > RunsShown ? $",… {shard.Runs.Count} runs" : ""));
        console.Write(table);
    }

    private sealed record ShardLine(
        string Id, string Address, int Weight, ShardState State, int Slots, double Share, IReadOnlyList<string> Runs);
}
