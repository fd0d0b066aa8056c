using System.Data;
using Dapper;
using Npgsql;
using NpgsqlTypes;
using ShardCore.Ring;
using TestCluster;

namespace ShardCore.Tests.Fence;

/// <summary>A shard that owns every slot and has one collection, written and read by its SQL functions alone.</summary>
internal sealed class ShardUnderTest(TestDatabase database) : IAsyncDisposable
{
    public const string Collection = "things";
    public const string Pk = "p";

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);

    /// <summary>The slot of <see cref="Pk"/>.</summary>
    public static readonly short Slot = (short)SlotHash.Of(Pk).Value;

    public TestDatabase Database { get; } = database;

    public static async Task<ShardUnderTest> CreateAsync(SharedPostgres postgres)
    {
        var shard = new ShardUnderTest(await postgres.CreateShardAsync());
        await shard.Database.ExecuteAsync($"""
            insert into sharding.collection (name) values ('{Collection}');
            insert into sharding.slot_ownership (slot, state, epoch) select slot, 'owned', 1 from generate_series(0, 16383) slot;
            """);
        return shard;
    }

    /// <summary>Applies operations, each for itself, in a transaction of their own; the answers in the order of the operations.</summary>
    public Task<ShardAnswer[]> WriteAsync(params ShardOperation[] operations) => WriteAsync(atomic: false, operations);

    /// <summary>All or nothing.</summary>
    public Task<ShardAnswer[]> TransactAsync(params ShardOperation[] operations) => WriteAsync(atomic: true, operations);

    public async Task<ShardAnswer> WriteOneAsync(ShardOperation operation) => Assert.Single(await WriteAsync(operation));

    /// <summary>
    /// As the router does: by the functions of the collection, one put without a condition by the one for one; and by write_items what is of
    /// another collection.
    /// </summary>
    public static async Task<ShardAnswer[]> WriteAsync(NpgsqlConnection connection, bool atomic, params ShardOperation[] operations)
    {
        if (!atomic && operations is [{ Operation: "put", Condition: "none", Collection: Collection } put])
            return [await PutAsync(connection, put)];
        var isOne = operations.All(operation => operation.Collection == Collection);
        await using var command = new NpgsqlCommand(
            "select ord, outcome, version, updated_at as UpdatedAt, expires_at as ExpiresAt, doc::text as doc, detail "
                + (isOne ? $"from sharding_items.{Collection}($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)" : "from sharding.write_items($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"),
            connection);
        command.Parameters.Add(new() { Value = atomic });
        Add(command, NpgsqlDbType.Text, operations, operation => operation.Operation);
        Add(command, NpgsqlDbType.Smallint, operations, operation => operation.Slot);
        if (!isOne)
            Add(command, NpgsqlDbType.Text, operations, operation => operation.Collection);
        Add(command, NpgsqlDbType.Text, operations, operation => operation.Pk);
        Add(command, NpgsqlDbType.Text, operations, operation => operation.Id);
        Add(command, NpgsqlDbType.Jsonb, operations, operation => operation.Doc);
        Add(command, NpgsqlDbType.Text, operations, operation => operation.Condition);
        Add(command, NpgsqlDbType.Text, operations, operation => operation.Versions);
        Add(command, NpgsqlDbType.Integer, operations, operation => operation.Ttl);
        Add(command, NpgsqlDbType.Boolean, operations, operation => operation.ReturnDoc);
        await using var reader = await command.ExecuteReaderAsync();
        var parse = reader.GetRowParser<ShardAnswer>();
        var answers = new List<ShardAnswer>();
        while (await reader.ReadAsync())
            answers.Add(parse(reader));
        return [.. answers.OrderBy(answer => answer.Ord)];
    }

    private static Task<ShardAnswer> PutAsync(NpgsqlConnection connection, ShardOperation put) => connection.QuerySingleAsync<ShardAnswer>(
        $"""
        select ord, outcome, version, updated_at as UpdatedAt, expires_at as ExpiresAt, doc::text as doc, detail
        from sharding_items.{Collection}(@Slot, @Pk, @Id, @Doc::jsonb, @Ttl, @ReturnDoc)
        """,
        put);

    public async Task<ShardReadAnswer> ReadAsync(string id, string pk = Pk, string collection = Collection)
    {
        await using var connection = await Database.DataSource.OpenConnectionAsync();
        return await connection.QuerySingleAsync<ShardReadAnswer>(
            """
            select ord, state, peer, epoch, version, updated_at as UpdatedAt, expires_at as ExpiresAt, doc::text as Doc
            from sharding.read_items(array[@slot], array[@collection], array[@pk], array[@id])
            """,
            new { slot = (short)SlotHash.Of(pk).Value, collection, pk, id });
    }

    /// <summary>Changes who may touch the slot of <see cref="Pk"/>, as a move's last steps leave it.</summary>
    public Task OwnAsync(string state, string? peer = null, int epoch = 2) => Database.ExecuteAsync(
        $"update sharding.slot_ownership set state = '{state}', epoch = {epoch}, peer = {(peer is null ? "null" : $"'{peer}'")} where slot = {Slot}");

    public Task<long> CountAsync() => Database.ScalarAsync<long>("select count(*) from sharding.item");

    /// <summary>A connection of its own, in a transaction, for stepping through an interleaving.</summary>
    public async Task<SteppedTransaction> BeginAsync(IsolationLevel isolation = IsolationLevel.ReadCommitted)
    {
        var connection = await Database.DataSource.OpenConnectionAsync();
        return new SteppedTransaction(connection, await connection.BeginTransactionAsync(isolation));
    }

    /// <summary>Waits until the transaction waits for a lock that another one holds.</summary>
    public Task WaitUntilBlockedAsync(SteppedTransaction waiting, string who) => Eventually.ThatAsync(
        () => Database.ScalarAsync<bool>($"select cardinality(pg_blocking_pids({waiting.Connection.ProcessID})) > 0"), Limit, $"{who} waits for a lock");

    public ValueTask DisposeAsync() => Database.DisposeAsync();

    private async Task<ShardAnswer[]> WriteAsync(bool atomic, ShardOperation[] operations)
    {
        await using var connection = await Database.DataSource.OpenConnectionAsync();
        return await WriteAsync(connection, atomic, operations);
    }

    private static void Add<T>(NpgsqlCommand command, NpgsqlDbType type, ShardOperation[] operations, Func<ShardOperation, T> value) =>
        command.Parameters.Add(new() { Value = operations.Select(value).ToArray(), NpgsqlDbType = NpgsqlDbType.Array | type });
}
