using Dapper;
using Npgsql;

namespace ShardCore.Collections;

/// <summary>
/// Collections in the shards. Each shard has every definition, and its write function checks it: there is no second
/// place that could say otherwise (docs/adr/0005-collections-live-in-the-shards.md).
/// </summary>
public static class CollectionStore
{
    private const string Columns = "name as Name, created_at as CreatedAt, dropped_at as DroppedAt";

    public static Task<CollectionDefinition?> FindAsync(NpgsqlConnection shard, string name, CancellationToken cancellation) =>
        shard.QuerySingleOrDefaultAsync<CollectionDefinition>(new CommandDefinition(
            $"select {Columns} from sharding.collection where name = @name", new { name }, cancellationToken: cancellation));

    /// <returns>All definitions in this shard, those being deleted included, by name.</returns>
    public static async Task<IReadOnlyList<CollectionDefinition>> ListAsync(NpgsqlDataSource shard, CancellationToken cancellation)
    {
        await using var connection = await shard.OpenConnectionAsync(cancellation);
        return await ListAsync(connection, cancellation);
    }

    /// <returns>All definitions in this shard, those being deleted included, by name.</returns>
    public static async Task<IReadOnlyList<CollectionDefinition>> ListAsync(NpgsqlConnection shard, CancellationToken cancellation) =>
        [.. await shard.QueryAsync<CollectionDefinition>(new CommandDefinition($"select {Columns} from sharding.collection order by name", cancellationToken: cancellation))];

    /// <summary>
    /// Creates the collection in every shard, at the same time. Safe to repeat: what a failure left half done, the
    /// next call completes.
    /// </summary>
    /// <exception cref="NpgsqlException">A shard could not be reached; others may have the collection already.</exception>
    public static async Task<CollectionCreation> CreateAsync(IEnumerable<NpgsqlDataSource> shards, string name, CancellationToken cancellation)
    {
        return Together(await Task.WhenAll(shards.Select(async shard =>
        {
            await using var connection = await shard.OpenConnectionAsync(cancellation);
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
        var created = await shard.ExecuteAsync(new CommandDefinition(
            "insert into sharding.collection (name) values (@name) on conflict (name) do nothing", new { name }, cancellationToken: cancellation));
        if (created == 1)
            return CollectionCreation.Created;
        var dropped = await shard.QuerySingleOrDefaultAsync<bool>(new CommandDefinition(
            "select dropped_at is not null from sharding.collection where name = @name", new { name }, cancellationToken: cancellation));
        return dropped ? CollectionCreation.BeingDeleted : CollectionCreation.Existed;
    }
}
