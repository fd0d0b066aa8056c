using LoadTests.Benches;
using ShardCore.Collections;

namespace LoadTests.References;

/// <summary>
/// The statements of a program without a router, in pgbench's script language: a look-up with the ownership join, and a plain durable
/// upsert; one statement for one item, in the same table. A router runs other statements: functions for many items, and for writes with the
/// fence, conditions and collections.
/// </summary>
/// <remarks>
/// pgbench cannot hash. Therefore the statements compute the slot: one sha256 in C, about a hundredth of a statement's CPU.
/// "offset 0" makes Postgres compute it only once: otherwise the planner copies the expression to each use of the slot.
/// In prepared mode pgbench sends each :n as a separate parameter. No other colon here is followed by a letter or a digit.
/// </remarks>
internal static class ReferenceSql
{
    /// <summary>The settings that the router uses for its sessions too: the plan never differs between two runs.</summary>
    public const string SessionOptions = "-c jit=off -c plan_cache_mode=force_generic_plan";

    private const string Slot = """
        (select ((get_byte(digest, 0) << 6) | (get_byte(digest, 1) >> 2))::smallint as slot
               from (select sha256(:n::bytea) as digest offset 0) hash offset 0) k
        """;

    private static string Choose => FormattableString.Invariant($@"\set n random({BenchItems.First}, {BenchItems.Last})");

    /// <summary>A look-up with the ownership join.</summary>
    public static string Get => $"""
        {Choose}
        select o.state, o.peer, o.epoch, i.version, i.updated_at, i.expires_at, i.doc
        from {Slot}
        left join sharding.slot_ownership o on o.slot = k.slot
        left join {ItemPartitions.NameOf(BenchItems.Collection)} i on i.slot = k.slot and i.collection = '{BenchItems.Collection}' and i.pk = :n and i.id = :n
             and (i.expires_at is null or i.expires_at > clock_timestamp());

        """;

    /// <summary>An upsert of a single row, without fence and condition.</summary>
    public static string Put => $"""
        {Choose}
        insert into {ItemPartitions.NameOf(BenchItems.Collection)} as i (version, updated_at, slot, collection, pk, id, doc)
        select (extract(epoch from clock_timestamp()) * 1000000)::bigint, clock_timestamp(), k.slot, '{BenchItems.Collection}', :n, :n,
               concat('{BenchItems.DocumentBegin}', :n::text, '{BenchItems.DocumentEnd}')::jsonb
        from {Slot}
        on conflict (slot, collection, pk, id) do update
        set doc = excluded.doc, version = greatest(i.version + 1, excluded.version), updated_at = excluded.updated_at, expires_at = excluded.expires_at;

        """;
}
