using Npgsql;
using TestCluster;

namespace ShardAdmin.Tests.Moves;

/// <summary>Somebody ends a mover's sessions, its operation's lock among them, and nobody takes over.</summary>
public sealed class EndedSessionsTests(SharedPostgres postgres, SharedRedis redis)
{
    private const int LockClass = 1_397_247_824; // of operations

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    /// <summary>A session that ends gives its locks back last. Here somebody holds the lock in its stead, until the mover has met that.</summary>
    [Fact]
    public async Task The_mover_goes_on_although_its_lock_is_not_free_at_once()
    {
        await using var cluster = await MovingCluster.StartAsync(postgres, redis, 2);
        await cluster.FillAsync(1, 2000, docBytes: 20_000);
        var (id, moving) = await cluster.BeginCopyingAsync(20);
        var source = cluster.Database(1);
        await using var dying = await source.DataSource.OpenConnectionAsync(TestContext.Current.CancellationToken);
        await using var command = new NpgsqlCommand($"select pg_advisory_lock({LockClass}, hashtext('{id}'))", dying) { CommandTimeout = 60 };
        var held = command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
        await Eventually.ThatAsync(async () => await source.ScalarAsync<bool>("select exists (select from pg_locks where locktype = 'advisory' and not granted)"), Limit, "the lock is waited for");
        var before = await source.ScalarAsync<DateTime>("select clock_timestamp()");

        await source.ExecuteAsync("select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name ~ '^(shardadmin|move )'");
        await held;
        await Eventually.ThatAsync(
            async () => moving.IsCompleted || await source.ScalarAsync<bool>($"select exists (select from pg_stat_activity where datname = current_database() and backend_start > '{before:O}' and query like 'select pg_try_advisory_lock%')"),
            Limit, "the mover has tried to take its lock again");
        await dying.CloseAsync();
        NpgsqlConnection.ClearPool(dying);

        (await moving).Succeeds();
        await cluster.AssertSoundAsync(2);
        await cluster.AssertNoLeftOversAsync(2);
    }
}
