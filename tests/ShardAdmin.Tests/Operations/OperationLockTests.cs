using Npgsql;
using ShardAdmin.CommandLine;
using ShardAdmin.Operations;
using ShardAdmin.Output;
using ShardAdmin.Settings;
using TestCluster;

namespace ShardAdmin.Tests.Operations;

/// <summary>How a mover tells whether it is still the one that works on its operation.</summary>
public sealed class OperationLockTests(SharedPostgres postgres, SharedRedis redis)
{
    private const int LockClass = 1_397_247_824; // of operations

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    /// <summary>
    /// A session that is ended gives its locks back last, so for a moment the mover meets its own. Here somebody else holds the lock
    /// for that moment.
    /// </summary>
    [Fact]
    public async Task A_session_that_was_ended_is_not_taken_for_another_process()
    {
        await using var cluster = await AdminCluster.InitialisedAsync(postgres, redis, 1);
        using var text = new StringWriter();
        var process = new AdminProcess(text, text, TextReader.Null, _ => null, InIsTerminal: false);
        var settings = AdminSettings.BeforeParsing([]) with { Redis = cluster.Redis, Cluster = cluster.Name };
        await using var session = await AdminSession.OpenAsync(settings, new AdminOutput(process, settings), Failpoint.From(process));
        var (operation, source) = (Guid.NewGuid(), cluster.Database(1));
        await using var mine = await OperationLock.TakeAsync(session, operation, (await cluster.RingAsync())!.Shards, TestContext.Current.CancellationToken);
        await using var dying = await source.DataSource.OpenConnectionAsync(TestContext.Current.CancellationToken);
        await using var command = new NpgsqlCommand($"select pg_advisory_lock({LockClass}, hashtext('{operation}'))", dying);
        var held = command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
        await Eventually.ThatAsync(
            async () => await source.ScalarAsync<bool>($"select exists (select from pg_locks where pid = {dying.ProcessID} and locktype = 'advisory' and not granted)"), Limit, "the lock is waited for");
        await source.ExecuteAsync("select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name = 'shardadmin'");
        await held;

        var ensuring = mine.EnsureAsync(TestContext.Current.CancellationToken);
        await Eventually.ThatAsync(
            async () => ensuring.IsCompleted || await source.ScalarAsync<bool>("select exists (select from pg_stat_activity where datname = current_database() and application_name = 'shardadmin' and query like 'select pg_try_advisory_lock%')"),
            Limit, "the lock is tried again");
        await using (var release = new NpgsqlCommand("select pg_advisory_unlock_all()", dying))
            await release.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);

        Assert.True(await ensuring);
    }
}
