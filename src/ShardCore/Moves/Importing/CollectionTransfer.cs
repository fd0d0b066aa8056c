using Npgsql;
using ShardCore.Indexes;
using ShardCore.Moves.Failures;
using ShardCore.Moves.Sessions;
using ShardCore.Sessions;
using ShardCore.Shards;

namespace ShardCore.Moves.Importing;

/// <summary>
/// Ensures that the target has the collections whose rows an attempt brings, and so their partitions. It may lack one: a collection that is
/// being created at this moment, whose creation stopped half-way, or whose creation the target lost when a standby took over.
/// Their indexes come with them, before the first row (<see cref="IndexDefinitions"/>).
/// </summary>
/// <remarks>
/// No collection is deleted meanwhile, because the source's journal has the batch (<c>sharding.collection_mark</c>). The check of the attempt
/// is in the same transaction: a mover that slept beyond the end of its batch must not make a collection that was deleted since.
/// </remarks>
internal sealed class CollectionTransfer(ShardDatabase source, AttemptSessions target, MoveImport import) : IDisposable
{
    private const string ReadSql = "select name, options::text, created_at, dropped_at from sharding.collection order by name";

    private const string WriteSql = """
        insert into sharding.collection (name, options, created_at, dropped_at)
        select c.name, c.options::jsonb, c.created_at, c.dropped_at from unnest($1, $2, $3, $4) as c (name, options, created_at, dropped_at)
        on conflict (name) do nothing
        """;

    private readonly HashSet<string> _there = new(StringComparer.Ordinal);
    private readonly SemaphoreSlim _gate = new(1);

    /// <exception cref="AttemptOverException" />
    /// <exception cref="MoveFailedException">The source does not know one of the collections.</exception>
    public async Task EnsureAsync(IReadOnlyCollection<string> collections, CancellationToken cancellation)
    {
        await _gate.WaitAsync(cancellation);
        try
        {
            if (_there.IsSupersetOf(collections))
                return;
            await BringAsync(cancellation);
            if (collections.FirstOrDefault(each => !_there.Contains(each)) is { } unknown)
                throw new MoveFailedException($"The source has rows of the collection {unknown} and no definition of it.");
        }
        finally
        {
            _gate.Release();
        }
    }

    private async Task BringAsync(CancellationToken cancellation)
    {
        IReadOnlyList<(string Name, string Options, DateTime CreatedAt, DateTime? DroppedAt)> all;
        IReadOnlyList<IndexDefinition> indexes;
        await using (var from = await source.OpenAsync(cancellation))
        {
            await using var read = new NpgsqlCommand(ReadSql, from);
            all = await read.ReadAllAsync(
                row => (row.GetString(0), row.GetString(1), row.GetDateTime(2), row.IsDBNull(3) ? null : (DateTime?)row.GetDateTime(3)),
                cancellation);
            indexes = await IndexDefinitions.ReadAsync(from, cancellation);
        }
        await using var session = await target.OpenAsync(cancellation);
        await using var transaction = await session.Connection.BeginTransactionAsync(System.Data.IsolationLevel.ReadCommitted, cancellation);
        await using (var write = new NpgsqlCommand(WriteSql, session.Connection)
        {
            Parameters =
            {
                new NpgsqlParameter<string[]> { TypedValue = [.. all.Select(each => each.Name)] },
                new NpgsqlParameter<string[]> { TypedValue = [.. all.Select(each => each.Options)] },
                new NpgsqlParameter<DateTime[]> { TypedValue = [.. all.Select(each => each.CreatedAt)] },
                new NpgsqlParameter<DateTime?[]> { TypedValue = [.. all.Select(each => each.DroppedAt)] },
            },
        })
            await write.ExecuteNonQueryAsync(cancellation);
        await IndexDefinitions.WriteAsync(session.Connection, indexes, cancellation);
        await import.CheckAsync(session.Connection, cancellation);
        await transaction.CommitAsync(cancellation);
        _there.UnionWith(all.Select(each => each.Name));
    }

    public void Dispose() => _gate.Dispose();
}
