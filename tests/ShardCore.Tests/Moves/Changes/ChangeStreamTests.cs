using Npgsql;
using ShardCore.Moves.Changes;
using TestCluster;

namespace ShardCore.Tests.Moves.Changes;

/// <summary>How the source's changes come to the mover.</summary>
public sealed class ChangeStreamTests(SharedPostgres postgres)
{
    private const int Rows = 12;

    [Fact]
    public async Task A_large_transaction_comes_in_pieces_and_ends_with_its_last()
    {
        await using var shard = await postgres.CreateShardAsync();
        await shard.ExecuteAsync("insert into sharding.collection (name) values ('c')");
        await shard.ExecuteAsync("create publication large for table sharding.item with (publish = 'insert, update, delete', publish_via_partition_root = true)");
        await using var stream = await ChangeStream.OpenAsync(
            new NpgsqlConnectionStringBuilder { Host = shard.Host, Port = shard.Port, Database = shard.Name, Username = "sharding" }.ConnectionString, "large", "large", default);
        await shard.ExecuteAsync($"""
            with written as (
                insert into sharding.item (version, updated_at, slot, collection, pk, id, doc)
                select n, now(), 1, 'c', 'p', 'i' || to_char(n, 'FM00'), jsonb_build_object('text', repeat(md5(n::text), {ChangeStream.PieceBytes / 2 / sizeof(char) / 32}))
                from generate_series(1, {Rows}) n returning 1)
            select pg_logical_emit_message(true, 'move', 'end') from (select count(*) from written) all_of_them
            """);

        var pieces = new List<SourceChanges>();
        await foreach (var changes in stream.ReadAsync(TestContext.Current.CancellationToken))
        {
            pieces.Add(changes);
            if (changes.EndLsn is not null)
                break;
        }

        Assert.InRange(pieces.Count, Rows / 4, Rows);
        Assert.All(pieces, piece => Assert.InRange(piece.Bytes, 0, 2 * ChangeStream.PieceBytes));
        Assert.All(pieces.SkipLast(1), piece => Assert.Empty(piece.Markers));
        Assert.Equal(("move", "end"), Assert.Single(pieces[^1].Markers));
        Assert.Equal(Enumerable.Range(1, Rows).Select(n => $"i{n:00}"), pieces.SelectMany(piece => piece.Changes).Select(change => change.Key.Id));
    }
}
