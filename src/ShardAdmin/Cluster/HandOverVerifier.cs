using Dapper;
using Npgsql;
using ShardAdmin.CommandLine;
using ShardAdmin.Output;
using ShardCore.Moves.HandingOver;
using ShardCore.Ring;
using ShardCore.Shards;

namespace ShardAdmin.Cluster;

/// <summary>What was handed over and not cleaned yet stands on two shards: the one place where two copies can be compared.</summary>
internal sealed class HandOverVerifier(AdminSession session, ShardRing ring)
{
    private const string Sql = """
        select move_id as Id, target as Target, slots as Slots, phase as Phase, version_floor as Floor
        from sharding.move where phase in ('owned', 'published', 'verified') order by created_at, ordinal
        """;

    public async Task<(IReadOnlyList<VerifyHandOver> HandOvers, IReadOnlyList<VerifyDifference> Differences)> RunAsync(IReadOnlySet<Slot> slots, CancellationToken cancellation)
    {
        var (handOvers, differences) = (new List<VerifyHandOver>(), new List<VerifyDifference>());
        foreach (var (source, journal) in await Reach.AllAsync(ring.Shards, shard => JournalAsync(session.Source(shard), cancellation)))
            foreach (var row in journal.Where(row => row.Slots.Any(slot => slots.Contains(new Slot(slot)))))
            {
                var (handOver, differing) = await CompareAsync(ring.Find(source)!, row, cancellation);
                handOvers.Add(handOver);
                if (differing.Count > 0)
                    differences.Add(new VerifyDifference(
                        "hand-over-differs", SlotText.Of(differing), row.Target, $"Rows that {source} gave to {row.Target} (move {row.Id}) are not there as they were. The rows of {source} are still there."));
            }
        return (handOvers, differences);
    }

    private async Task<(VerifyHandOver HandOver, IReadOnlyList<Slot> Differing)> CompareAsync(Shard source, Row row, CancellationToken cancellation)
    {
        var slots = SlotText.OfNumbers(row.Slots.Select(slot => (int)slot).Order(), int.MaxValue);
        VerifyHandOver Skipped() => new(row.Id, source.Id.Value, row.Target, slots, Compared: false, 0, 0);
        // Verified: compared by the move itself, and its rows are being deleted.
        if (row.Phase == "verified" || ring.Find(new ShardId(row.Target)) is not { } target)
            return (Skipped(), []);
        var found = await HandOverComparison.RunAsync(
            session.Source(source), session.Source(target), [.. row.Slots.Select(slot => new Slot(slot))], row.Floor, cancellation);
        // The mover may have come to the deletion meanwhile, which looks like a difference.
        var now = (await JournalAsync(session.Source(source), cancellation)).FirstOrDefault(each => each.Id == row.Id);
        return now is null or { Phase: "verified" }
            ? (Skipped(), [])
            : (new VerifyHandOver(row.Id, source.Id.Value, row.Target, slots, Compared: true, found.Rows, found.Missing), found.Differing);
    }

    private static async Task<IReadOnlyList<Row>> JournalAsync(NpgsqlDataSource source, CancellationToken cancellation)
    {
        await using var connection = await source.OpenAsync(cancellation);
        return [.. await connection.QueryAsync<Row>(new CommandDefinition(Sql, cancellationToken: cancellation))];
    }

    private sealed class Row
    {
        public Guid Id { get; init; }
        public string Target { get; init; } = "";
        public short[] Slots { get; init; } = [];
        public string Phase { get; init; } = "";
        public long Floor { get; init; }
    }
}
