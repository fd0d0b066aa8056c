using LoadTests.Benches;

namespace LoadTests.References;

/// <summary>
/// What one does without a router: the look-up with the ownership join and a plain durable upsert, one statement for one
/// item, in the same table, in pgbench's script language. A router runs others: functions that take many items at once,
/// and for writes the fence, conditions and collections.
/// </summary>
/// <remarks>
/// pgbench cannot hash, so the statements compute the slot: one sha256 in C, about a hundredth of a statement's CPU.
/// "offset 0" keeps it at one: without it the planner copies the expression to wherever the slot is used.
/// Prepared mode sends each :n as a parameter of its own; no other colon here is followed by a letter or a digit.
/// </remarks>
internal static class ReferenceSql
{
    /// <summary>For the reference's sessions: what the router sets for its own (planning never differs between two runs).</summary>
    public const string SessionOptions = "-c jit=off -c plan_cache_mode=force_generic_plan";

    private const string Slot = """
        (select ((get_byte(digest, 0) << 6) | (get_byte(digest, 1) >> 2))::smallint as slot
               from (select sha256(:n::bytea) as digest offset 0) hash offset 0) k
        """;

    private static string Choose => FormattableString.Invariant($@"\set n random({BenchItems.First}, {BenchItems.Last})");

    /// <summary>Look-up with the ownership join.</summary>
    public static string Get => $"""
        {Choose}
        select o.state, o.peer, o.epoch, i.version, i.updated_at, i.expires_at, i.doc
        from {Slot}
        left join sharding.slot_ownership o on o.slot = k.slot
        left join sharding.item i on i.slot = k.slot and i.collection = '{BenchItems.Collection}' and i.pk = :n and i.id = :n
             and (i.expires_at is null or i.expires_at > clock_timestamp());

        """;

    /// <summary>Single-row upsert; no fence and no condition.</summary>
    public static string Put => $"""
        {Choose}
        insert into sharding.item as i (version, updated_at, slot, collection, pk, id, doc)
        select (extract(epoch from clock_timestamp()) * 1000000)::bigint, clock_timestamp(), k.slot, '{BenchItems.Collection}', :n, :n,
               concat('{BenchItems.DocumentBegin}', :n::text, '{BenchItems.DocumentEnd}')::jsonb
        from {Slot}
        on conflict (slot, collection, pk, id) do update
        set doc = excluded.doc, version = greatest(i.version + 1, excluded.version), updated_at = excluded.updated_at, expires_at = excluded.expires_at;

        """;
}
