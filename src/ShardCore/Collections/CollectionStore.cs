using Npgsql;
using ShardCore.Shards;

namespace ShardCore.Collections;

/// <summary>
/// Collections in the shards. Each shard has every definition, and its write function checks it: there is no second
/// place that could say otherwise (docs/adr/0005-collections-live-in-the-shards.md).
/// </summary>
public static class CollectionStore
{
    private const string Select = "select name, created_at, dropped_at from sharding.collection";

    /// <returns>Null: this shard does not know it.</returns>
    public static async Task<CollectionDefinition?> FindAsync(NpgsqlConnection shard, string name, CancellationToken cancellation)
    {
        await using var command = Command(shard, Select + " where name = $1", name);
        return (await command.ReadAllAsync(DefinitionAt, cancellation)).SingleOrDefault();
    }

    /// <returns>All definitions in this shard, those being deleted included, by name.</returns>
    public static async Task<IReadOnlyList<CollectionDefinition>> ListAsync(ShardDatabase shard, CancellationToken cancellation)
    {
        await using var connection = await shard.OpenAsync(cancellation);
        return await ListAsync(connection, cancellation);
    }

    /// <returns>All definitions in this shard, those being deleted included, by name.</returns>
    public static async Task<IReadOnlyList<CollectionDefinition>> ListAsync(NpgsqlConnection shard, CancellationToken cancellation)
    {
        await using var command = new NpgsqlCommand(Select + " order by name", shard);
        return await command.ReadAllAsync(DefinitionAt, cancellation);
    }

    /// <summary>
    /// Creates the collection in every shard, at the same time. Safe to repeat: what a failure left half done, the
    /// next call completes.
    /// </summary>
    /// <exception cref="NpgsqlException">A shard could not be reached; others may have the collection already.</exception>
    public static async Task<CollectionCreation> CreateAsync(IEnumerable<ShardDatabase> shards, string name, CancellationToken cancellation)
    {
        return Together(await Task.WhenAll(shards.Select(async shard =>
        {
            await using var connection = await shard.OpenAsync(cancellation);
            return await CreateAsync(connection, name, cancellation);
        })));
    }

    /// <summary>What creating it in each shard comes to.</summary>
    public static CollectionCreation Together(IReadOnlyCollection<CollectionCreation> each)
    {
        if (each.Contains(CollectionCreation.BeingDeleted))
            return CollectionCreation.BeingDeleted;
        return each.Contains(CollectionCreation.Created) ? CollectionCreation.Created : CollectionCreation.Existed;
    }

    /// <summary>Creates it in one shard.</summary>
    public static async Task<CollectionCreation> CreateAsync(NpgsqlConnection shard, string name, CancellationToken cancellation)
    {
        await using var command = Command(shard, "insert into sharding.collection (name) values ($1) on conflict (name) do nothing", name);
        if (await command.ExecuteNonQueryAsync(cancellation) == 1)
            return CollectionCreation.Created;
        return await FindAsync(shard, name, cancellation) is { IsLive: false } ? CollectionCreation.BeingDeleted : CollectionCreation.Existed;
    }

    private static NpgsqlCommand Command(NpgsqlConnection shard, string sql, string name) =>
        new(sql, shard) { Parameters = { new NpgsqlParameter<string> { TypedValue = name } } };

    private static CollectionDefinition DefinitionAt(NpgsqlDataReader reader) =>
        new(reader.GetString(0), reader.GetDateTime(1), reader.IsDBNull(2) ? null : reader.GetDateTime(2));
}
