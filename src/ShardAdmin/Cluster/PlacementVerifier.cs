using Dapper;
using Npgsql;
using ShardAdmin.CommandLine;
using ShardAdmin.Output;
using ShardCore.Ring;

namespace ShardAdmin.Cluster;

/// <summary>Every row of one shard: in the slot of its partition key, and only in slots that are the shard's.</summary>
/// <remarks>
/// The slot is computed once for each partition key, not for each row. Rows and ownership are read in one statement, so
/// of one snapshot: a slot that is handed over meanwhile is seen before or after, never half.
/// </remarks>
internal sealed class PlacementVerifier(NpgsqlDataSource source, ShardId shard)
{
    /// <summary>One statement's worth: short snapshots, and a progress bar that moves.</summary>
    private const int RangeSlots = 128;

    private const string Sql = """
        select g.slot::integer as Slot, o.state as State, sum(g.n)::bigint as Rows,
               coalesce(sum(g.n) filter (where sharding.slot_of(g.pk) <> g.slot), 0)::bigint as Misplaced,
               min(g.pk) filter (where sharding.slot_of(g.pk) <> g.slot) as Example
        from (select slot, pk, count(*) as n from sharding.item where slot between @first and @last group by slot, pk) g
        left join sharding.slot_ownership o on o.slot = g.slot
        group by g.slot, o.state
        order by g.slot
        """;

    private readonly List<VerifyDifference> _differences = [];
    private readonly SortedDictionary<int, long> _residue = [];
    private readonly SortedDictionary<int, long> _foreign = [];
    private long _rows;

    /// <param name="slots">Null: all, and also numbers that are no slot at all.</param>
    public async Task<(long Rows, IReadOnlyList<VerifyDifference> Differences, IReadOnlyList<VerifyResidue> Residue)> RunAsync(
        IReadOnlyList<Slot>? slots, Action<double> advance, CancellationToken cancellation)
    {
        await using var connection = await source.OpenConnectionAsync(cancellation);
        if (slots is null)
        {
            await LookAsync(connection, short.MinValue, -1, cancellation);
            await LookAsync(connection, Slot.Count, short.MaxValue, cancellation);
        }
        foreach (var (first, last) in SlotText.Runs((slots ?? [.. Slot.All]).Select(slot => (int)slot.Value)))
            for (var from = first; from <= last; from += RangeSlots)
            {
                var to = Math.Min(last, from + RangeSlots - 1);
                await LookAsync(connection, from, to, cancellation);
                advance(to - from + 1);
            }
        if (_foreign.Count > 0)
            _differences.Add(new VerifyDifference(
                "row-in-foreign-slot", SlotText.OfNumbers(_foreign.Keys, int.MaxValue), shard.Value,
                $"{_foreign.Values.Sum()} rows in {_foreign.Count} slots that were never this shard's."));
        return (_rows, _differences, _residue.Count == 0 ? [] : [new VerifyResidue(shard.Value, SlotText.OfNumbers(_residue.Keys, int.MaxValue), _residue.Values.Sum())]);
    }

    private async Task LookAsync(NpgsqlConnection connection, int first, int last, CancellationToken cancellation)
    {
        var found = await connection.QueryAsync<SlotRows>(new CommandDefinition(
            Sql, new { first = (short)first, last = (short)last }, commandTimeout: 0, cancellationToken: cancellation)); // one slot may hold 10 GB
        foreach (var slot in found)
        {
            _rows += slot.Rows;
            if (slot.Misplaced > 0)
                _differences.Add(new VerifyDifference(
                    "row-misplaced", $"{slot.Slot}", shard.Value,
                    $"{slot.Misplaced} rows belong to another slot, for instance those with pk '{slot.Example}', which belong to slot {SlotHash.Of(slot.Example!)}."));
            if (slot.State is "released" or "importing")
                _residue[slot.Slot] = slot.Rows;
            else if (slot.State is null)
                _foreign[slot.Slot] = slot.Rows;
        }
    }

    private sealed record SlotRows(int Slot, string? State, long Rows, long Misplaced, string? Example);
}
