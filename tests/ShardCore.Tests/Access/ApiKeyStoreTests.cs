using Npgsql;
using ShardCore.Access;
using ShardCore.Shards;
using TestCluster;

namespace ShardCore.Tests.Access;

public sealed class ApiKeyStoreTests(SharedPostgres postgres)
{
    private static readonly DateTime Day = new(2027, 1, 1, 0, 0, 0, DateTimeKind.Utc);

    [Fact]
    public async Task A_key_is_read_as_it_was_written()
    {
        await using var shard = await postgres.CreateShardAsync();
        var plain = NewKey();
        var full = NewKey() with { Collections = ["a", "b"], Partitions = ["t1:*", "x"], ExpiresAt = Day.AddDays(1), RevokedAt = Day.AddHours(1), LastUsedAt = Day };
        await MergeAsync(shard, plain, full);

        var rows = (await ListAsync(shard)).ToDictionary(key => key.Id, StringComparer.Ordinal);

        foreach (var key in new[] { plain, full })
        {
            Assert.True(rows[key.Id].HasSameRights(key) && rows[key.Id].EndsLike(key));
            Assert.Equal(key.LastUsedAt, rows[key.Id].LastUsedAt);
        }
    }

    [Fact]
    public async Task A_key_comes_nearer_to_its_end_and_never_further_from_it()
    {
        await using var shard = await postgres.CreateShardAsync();
        var key = NewKey() with { ExpiresAt = Day.AddDays(9) };
        var ended = key with { ExpiresAt = Day.AddDays(2), RevokedAt = Day.AddHours(3), LastUsedAt = Day.AddHours(2) };
        await MergeAsync(shard, key, ended, key, ended with { RevokedAt = Day.AddHours(5), LastUsedAt = Day }, key with { ExpiresAt = null });

        var row = Assert.Single(await ListAsync(shard));

        Assert.True(row.EndsLike(ended));
        Assert.Equal(ended.LastUsedAt, row.LastUsedAt);
    }

    [Fact]
    public async Task Merging_does_not_give_a_key_other_rights()
    {
        await using var shard = await postgres.CreateShardAsync();
        var key = NewKey() with { Collections = ["a"] };
        await MergeAsync(shard, key, key with { Collections = null, Scopes = ["collections:admin"], Name = "other" });

        Assert.True(Assert.Single(await ListAsync(shard)).HasSameRights(key));
    }

    [Theory]
    [InlineData("expires_at = expires_at + interval '1 day'")]
    [InlineData("expires_at = null")]
    [InlineData("revoked_at = null")]
    [InlineData("revoked_at = revoked_at + interval '1 day'")]
    [InlineData("last_used_at = null")]
    [InlineData("last_used_at = last_used_at - interval '1 day'")]
    [InlineData("scopes = '{collections:admin}'")]
    [InlineData("collections = null")]
    [InlineData("partitions = null")]
    [InlineData("name = 'x'")]
    [InlineData("secret_hash = sha256('x')")]
    [InlineData("created_at = now()")]
    public async Task The_shard_refuses_a_change_that_would_lengthen_or_widen_a_key(string change)
    {
        await using var shard = await postgres.CreateShardAsync();
        await MergeAsync(shard, NewKey() with { Collections = ["a"], Partitions = ["t"], ExpiresAt = Day, RevokedAt = Day, LastUsedAt = Day });

        var refused = await Assert.ThrowsAsync<PostgresException>(() => shard.ExecuteAsync($"update sharding.api_key set {change}"));

        Assert.Equal("SH016", refused.SqlState);
    }

    [Fact]
    public async Task The_digest_changes_with_all_that_routers_have_to_know_and_with_nothing_else()
    {
        await using var shard = await postgres.CreateShardAsync();
        var (one, two) = (NewKey(), NewKey());
        var seen = new List<string> { await DigestAsync(shard) };
        foreach (var key in new[] { one, two, one with { ExpiresAt = Day.AddDays(1) }, one with { ExpiresAt = Day }, two with { RevokedAt = Day } })
        {
            await MergeAsync(shard, key);
            seen.Add(await DigestAsync(shard));
        }
        Assert.Equal(seen.Count, seen.Distinct(StringComparer.Ordinal).Count());

        await MergeAsync(shard, one, two with { LastUsedAt = Day });
        Assert.Equal(seen[^1], await DigestAsync(shard));
        await shard.ExecuteAsync($"delete from sharding.api_key where id = '{one.Id}'");
        Assert.DoesNotContain(await DigestAsync(shard), seen);
    }

    [Fact]
    public async Task Uses_are_noted_of_known_keys_and_only_later_ones()
    {
        await using var shard = await postgres.CreateShardAsync();
        var (one, two) = (NewKey() with { LastUsedAt = Day.AddDays(1) }, NewKey());
        await MergeAsync(shard, one, two);
        await using var connection = await shard.DataSource.OpenConnectionAsync(TestContext.Current.CancellationToken);

        var known = await ApiKeyStore.NoteUsesAsync(connection, [one.Id, two.Id, NewKey().Id], [Day, Day, Day], TestContext.Current.CancellationToken);

        Assert.Equal(2, known);
        Assert.Equal([Day.AddDays(1), Day], (await ListAsync(shard)).OrderBy(key => key.Id == two.Id).Select(key => key.LastUsedAt!.Value));
    }

    private static ApiKey NewKey()
    {
        var (_, id, hash) = ApiKeyText.Create();
        return new ApiKey(id, "a key", hash, ["items:read"], null, null, Day, null, null, null);
    }

    private static Task MergeAsync(TestDatabase shard, params ApiKey[] keys) =>
        ApiKeyStore.MergeAsync(shard.DataSource, keys, TestContext.Current.CancellationToken);

    private static Task<IReadOnlyList<ApiKey>> ListAsync(TestDatabase shard) =>
        ApiKeyStore.ListAsync((ShardDatabase)shard.DataSource, TestContext.Current.CancellationToken);

    private static async Task<string> DigestAsync(TestDatabase shard)
    {
        await using var connection = await shard.DataSource.OpenConnectionAsync(TestContext.Current.CancellationToken);
        return await ApiKeyStore.DigestAsync(connection, TestContext.Current.CancellationToken);
    }
}
