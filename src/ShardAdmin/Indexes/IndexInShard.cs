using ShardCore.Indexes;

namespace ShardAdmin.Indexes;

/// <summary>An index on fields of documents, by its name in a collection.</summary>
internal readonly record struct IndexKey(string Collection, string Name)
{
    public override string ToString() => $"{Name} of the collection {Collection}";
}

/// <summary>An index as one shard has it.</summary>
/// <param name="Fields">JSON, as Postgres writes it (<see cref="IndexField"/>).</param>
/// <param name="CreatedAt">The same in all shards: of two definitions of a name the later one counts.</param>
/// <param name="AgeSeconds">Since its definition, by the shard's clock.</param>
/// <param name="State">building · built · ready · failed · dropping · dropped</param>
/// <param name="Progress">Of the build in this shard, 0…1.</param>
/// <param name="Problem">
/// Why the build failed. In any state but "failed": it failed somewhere, and what was built of it is being dropped.
/// </param>
/// <param name="Relation">Its name in Postgres. The one that keeps values unique has <c>.u</c> behind it.</param>
/// <param name="IsValid">Postgres has the whole index.</param>
/// <param name="IsWanted">False: its collection is being deleted here.</param>
/// <param name="Bytes">What Postgres has of it.</param>
/// <param name="IsHeld">Somebody builds or drops an index of this collection here (<see cref="IndexLock"/>).</param>
/// <param name="Phase">Of the statement that builds it now, as Postgres calls it; null: none, or this user may not see it.</param>
internal sealed record IndexInShard(
    string Collection, string Name, string Fields, bool IsUnique, DateTime CreatedAt, double AgeSeconds, string State, float Progress,
    string? Problem, string Relation, bool IsValid, bool IsWanted, long Bytes, bool IsHeld, string? Phase)
{
    /// <summary>The columns, for a query of <c>sharding.indexes() i</c>.</summary>
    public static string Columns { get; } = $"""
        i.collection as Collection, i.name as Name, i.fields::text as Fields, i.is_unique as IsUnique, i.created_at as CreatedAt,
        extract(epoch from clock_timestamp() - i.created_at)::double precision as AgeSeconds, i.state as State, i.progress as Progress,
        i.problem as Problem, i.relation as Relation, i.is_valid as IsValid,
        exists (select from sharding.collection c where c.name = i.collection and c.dropped_at is null) as IsWanted,
        (select coalesce(sum(pg_relation_size(c.oid)), 0)::bigint from pg_class c
         where c.relnamespace = 'sharding_items'::regnamespace and c.relname in (i.relation, i.relation || '.u')) as Bytes,
        exists ({IndexLock.HoldersSql("i.collection")}) as IsHeld,
        (select p.phase from pg_stat_progress_create_index p join pg_class c on c.oid = p.index_relid
         where p.datname = current_database() and c.relnamespace = 'sharding_items'::regnamespace
           and c.relname in (i.relation, i.relation || '.u') limit 1) as Phase
        """;

    public IndexKey Key => new(Collection, Name);

    public bool IsUnfinished => State is "building" or "built";

    /// <summary>Whether the build waits for transactions that are older than it.</summary>
    public bool Waits => IndexProgress.IsWaiting(Phase);
}
