using ShardCore.Moves;
using ShardCore.Moves.Batches;
using ShardCore.Moves.HandingOver;
using ShardCore.Ring;
using ShardCore.Shards;
using TestCluster;

namespace ShardCore.Tests.Moves;

/// <summary>Whoever operates a shard has set things for the role as which a mover connects, with other clients in mind.</summary>
public sealed class ForeignSettingsTests(SharedPostgres postgres, SharedRedis redis)
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    private static readonly Slot[] Slots = [SlotHash.Of("p0"), SlotHash.Of("p1")];

    private static readonly string[] Settings =
    [
        "idle_in_transaction_session_timeout = '300ms'", "idle_session_timeout = '300ms'", "statement_timeout = '2ms'", "lock_timeout = '1ms'",
        "default_transaction_isolation = 'serializable'", "default_transaction_read_only = on", "DateStyle = 'German'", "TimeZone = 'Asia/Kolkata'",
        "IntervalStyle = 'sql_standard'", "extra_float_digits = -10", "bytea_output = 'escape'", "standard_conforming_strings = off", "client_min_messages = 'error'",
        "enable_bitmapscan = off", "synchronous_commit = off", "search_path = 'public'", "wal_sender_timeout = '100ms'",
    ];

    [Fact]
    public async Task A_move_that_takes_longer_than_they_allow_is_completed()
    {
        await using var shards = await MovingShards.StartAsync(postgres, redis);
        var role = await CreateRoleAsync(shards);
        await shards.FillAsync(MovingShards.First, Slots[0], rows: 200, documentBytes: 100);
        await shards.ExecuteAsync(MovingShards.First, "update sharding.item set expires_at = '2099-02-01 03:04:05.678901+00' where id = 'id7'");
        var batch = await shards.PlanAsync(Slots, MovingShards.First, MovingShards.Second);
        var options = new MoveOptions
        {
            GraceBeforeCleaning = TimeSpan.FromMilliseconds(20),
            StepLimit = TimeSpan.FromSeconds(60),
            OnStep = (at, _) => at switch
            {
                MoveStep.CatchUp => WriteAndWaitAsync(shards, role),
                _ => Task.CompletedTask,
            },
        };

        await new BatchMover(
            shards.Shards[MovingShards.First], shards.Shards[MovingShards.Second],
            new ShardAccess(settings => (settings.Username, settings.Options) = (role, SessionSettings.Administration)), shards.Publication, options).RunAsync(batch.Id, "test", false, CancellationToken.None);

        await shards.AssertCleanAsync(Slots, MovingShards.Second, MovingShards.First);
        Assert.Equal("2099-02-01 03:04:05.678901", await shards.ScalarAsync<string>(MovingShards.Second, "select (expires_at at time zone 'UTC')::text from sharding.item where id = 'id7'"));
        Assert.Equal("2098-02-01 03:04:05.678901", await shards.ScalarAsync<string>(MovingShards.Second, "select (expires_at at time zone 'UTC')::text from sharding.item where id = 'id9'"));
    }

    /// <summary>The copy has been made, so this change comes by the stream, as text.</summary>
    private static async Task WriteAndWaitAsync(MovingShards shards, string role)
    {
        await shards.ExecuteAsync(MovingShards.First, "update sharding.item set expires_at = '2098-02-01 03:04:05.678901+00' where id = 'id9'");
        await IdleAsync(shards, role);
    }

    /// <summary>Waits until a session of the mover has been idle for twice as long as it may.</summary>
    private static Task IdleAsync(MovingShards shards, string role) => Eventually.ThatAsync(
        async () => await shards.ScalarAsync<bool>(
            MovingShards.Second,
            $"select exists (select from pg_stat_activity where usename = '{role}' and application_name like 'move %' and state = 'idle' and state_change < clock_timestamp() - interval '600ms')"),
        Limit, "a session of the mover has been idle for long");

    private static async Task<string> CreateRoleAsync(MovingShards shards)
    {
        var role = $"mover_{Guid.NewGuid():N}";
        await shards.ExecuteAsync(MovingShards.First, $"create role {role} login superuser");
        foreach (var shard in shards.Shards.Values)
            foreach (var setting in Settings)
                await shards.ExecuteAsync(MovingShards.First, $"alter role {role} in database {shard.Database} set {setting}");
        return role;
    }
}
