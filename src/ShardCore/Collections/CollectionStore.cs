using Npgsql;
using ShardCore.Sessions;
using ShardCore.Shards;

namespace ShardCore.Collections;

/// <summary>
/// Reads and creates collections in the shards. Each shard has every definition, and its write function checks it; no other place has
/// definitions (docs/adr/0005-collections-live-in-the-shards.md).
/// </summary>
public static class CollectionStore
{
    private const string Select = "select name, created_at, dropped_at from sharding.collection";

    /// <returns>Null: this shard does not know the collection.</returns>
    public static async Task<CollectionDefinition?> FindAsync(NpgsqlConnection shard, string name, CancellationToken cancellation)
    {
        await using var command = Command(shard, Select + " where name = $1", name);
        return (await command.ReadAllAsync(DefinitionAt, cancellation)).SingleOrDefault();
    }

    /// <returns>All definitions in this shard, by name. Those that are being deleted are included.</returns>
    public static async Task<IReadOnlyList<CollectionDefinition>> ListAsync(ShardDatabase shard, CancellationToken cancellation)
    {
        await using var connection = await shard.OpenAsync(cancellation);
        return await ListAsync(connection, cancellation);
    }

    /// <returns>All definitions in this shard, by name. Those that are being deleted are included.</returns>
    public static async Task<IReadOnlyList<CollectionDefinition>> ListAsync(NpgsqlConnection shard, CancellationToken cancellation)
    {
        await using var command = new NpgsqlCommand(Select + " order by name", shard);
        return await command.ReadAllAsync(DefinitionAt, cancellation);
    }

    /// <summary>
    /// Creates the collection in all shards at the same time. It is safe to repeat: if a call fails half-way, the next one completes it.
    /// </summary>
    /// <param name="by">Who wants it, for the audit log.</param>
    /// <exception cref="NpgsqlException">A shard could not be reached. Other shards may have the collection already.</exception>
    public static async Task<CollectionCreation> CreateAsync(
        IEnumerable<ShardDatabase> shards, string name, string by, CancellationToken cancellation)
    {
        return Together(await Task.WhenAll(shards.Select(async shard =>
        {
            await using var connection = await shard.OpenAsync(cancellation);
            return await CreateAsync(connection, name, by, cancellation);
        })));
    }

    /// <summary>Combines the results of the shards into one.</summary>
    public static CollectionCreation Together(IReadOnlyCollection<CollectionCreation> each)
    {
        if (each.Contains(CollectionCreation.BeingDeleted))
            return CollectionCreation.BeingDeleted;
        return each.Contains(CollectionCreation.Created) ? CollectionCreation.Created : CollectionCreation.Existed;
    }

    /// <summary>Creates the collection in one shard.</summary>
    /// <param name="by">Who wants it, for the audit log.</param>
    public static async Task<CollectionCreation> CreateAsync(NpgsqlConnection shard, string name, string by, CancellationToken cancellation)
    {
        await using var command = Command(shard, "select sharding.collection_create($1, $2)", name);
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = by });
        return await command.ReadValueAsync<string>(cancellation) switch
        {
            "created" => CollectionCreation.Created,
            "being_deleted" => CollectionCreation.BeingDeleted,
            _ => CollectionCreation.Existed,
        };
    }

    private static NpgsqlCommand Command(NpgsqlConnection shard, string sql, string name) =>
        new(sql, shard) { Parameters = { new NpgsqlParameter<string> { TypedValue = name } } };

    private static CollectionDefinition DefinitionAt(NpgsqlDataReader reader) =>
        new(reader.GetString(0), reader.GetDateTime(1), reader.IsDBNull(2) ? null : reader.GetDateTime(2));
}

/// <summary>A collection as a shard knows it.</summary>
/// <param name="DroppedAt">Set while the collection is being deleted: it takes no writes, and its name is not free yet.</param>
public sealed record CollectionDefinition(string Name, DateTime CreatedAt, DateTime? DroppedAt)
{
    public bool IsLive => DroppedAt is null;
}

/// <summary>The result of creating a collection.</summary>
public enum CollectionCreation
{
    Created,
    Existed,

    /// <summary>A collection of that name is being deleted in at least one shard. Nothing was changed there.</summary>
    BeingDeleted,
}
