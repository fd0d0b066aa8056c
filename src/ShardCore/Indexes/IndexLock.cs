using System.Data;
using Npgsql;
using ShardCore.Sessions;

namespace ShardCore.Indexes;

/// <summary>
/// A session advisory lock in a shard for building and dropping indexes of one collection. It ends with the session, so a process that
/// crashes does not leave it behind.
/// </summary>
/// <remarks>
/// It is one lock for all indexes of a collection: two builds on one table would wait for each other, the one for the table, the other
/// until the first has no snapshot any more, and Postgres ends one of them as a deadlock.
/// When a builder's process dies, its statement goes on in the server, and keeps the lock until it ends. Nobody else begins meanwhile; the
/// next who looks finds the index built.
/// </remarks>
public sealed class IndexLock : IAsyncDisposable
{
    /// <summary>"SHIX" as a number; <c>sharding.index_drop</c> has it too.</summary>
    public const int Class = 1_397_246_296;

    private readonly NpgsqlConnection _connection;
    private readonly string _collection;

    private IndexLock(NpgsqlConnection connection, string collection) => (_connection, _collection) = (connection, collection);

    /// <summary>SQL: the backends that hold the lock of the collection whose name is <paramref name="collection"/>.</summary>
    public static string HoldersSql(string collection) => FormattableString.Invariant($"""
        select l.pid from pg_locks l
        where l.locktype = 'advisory' and l.granted and l.classid = {Class} and l.objsubid = 2
              and l.objid::bigint = hashtext({collection}::text)::bigint & 4294967295
              and l.database = (select oid from pg_database where datname = current_database())
        """);

    /// <returns>Null: somebody else has it.</returns>
    public static async Task<IndexLock?> TryTakeAsync(NpgsqlConnection connection, string collection, CancellationToken cancellation)
    {
        await using var command = Command(connection, "select pg_try_advisory_lock($1, hashtext($2))", collection);
        return await command.ReadValueAsync<bool>(cancellation) ? new IndexLock(connection, collection) : null;
    }

    /// <summary>Unlocks explicitly, because a pooled connection is not reset.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_connection.FullState != ConnectionState.Open)
            return;
        await using var command = Command(_connection, "select pg_advisory_unlock($1, hashtext($2))", _collection);
        await command.ExecuteNonQueryAsync();
    }

    private static NpgsqlCommand Command(NpgsqlConnection connection, string sql, string collection) => new(sql, connection)
    {
        Parameters = { new NpgsqlParameter<int> { TypedValue = Class }, new NpgsqlParameter<string> { TypedValue = collection } },
    };
}
