using System.Globalization;
using System.Text.RegularExpressions;
using ShardAdmin.Failures;
using TestCluster;

namespace ShardAdmin.Tests.Moves;

/// <summary>Operations by the beginning of their id, and how a run of them is counted.</summary>
public sealed partial class OperationIdTests(SharedPostgres postgres, SharedRedis redis)
{
    [Fact]
    public async Task The_beginning_of_an_id_is_enough_as_long_as_one_operation_has_it()
    {
        await using var cluster = await MovingCluster.StartAsync(postgres, redis, 2);
        var slots = (await cluster.RingAsync())!.SlotsOf(new("s1"));
        (await cluster.RunAsync("moves-planned", ["move", $"{slots[0]}", "--to", "s2", "--yes"])).Fails(ExitCode.Failed);
        await RenameAsync(cluster, "abcd0001-0000-7000-8000-000000000001");
        await EndedAsync(cluster, "abcd0002-0000-7000-8000-000000000002");

        (await cluster.RunAsync("ops", "show", "abcd0001")).Succeeds("unfinished");
        (await cluster.RunAsync("ops", "show", "ABCD0002-00")).Succeeds("done");
        (await cluster.RunAsync("ops", "show", "abcd00020000")).Succeeds("done");
        foreach (var command in new[] { "show", "resume", "cancel", "settle", "pause", "watch", "rollback" })
        {
            (await cluster.RunAsync("ops", command, "abcd")).Fails(
                ExitCode.Usage, "The ids of 2 operations begin with abcd: abcd0001-0000-7000-8000-000000000001, abcd0002-0000-7000-8000-000000000002", "more of the id");
            (await cluster.RunAsync("ops", command, "ffff")).Fails(ExitCode.NotFound, "no operation whose id begins with ffff", "ops list");
        }
        (await cluster.RunAsync("ops", "settle", "abcd0001")).Fails(ExitCode.NotFound, "No batch of operation abcd0001-0000-7000-8000-000000000001 is disputed");
        (await cluster.RunAsync("ops", "pause", "abcd0001")).Succeeds("abcd0001-0000-7000-8000-000000000001 is paused with 1 batch unfinished");
        (await cluster.RunAsync("ops", "resume", "abcd0001")).Succeeds("Resumed and completed: 1 slot,");
        (await cluster.RunAsync("ops", "cancel", "abcd0001")).Fails(ExitCode.NotFound, "no unfinished operation");
        await cluster.AssertSoundAsync(2);
    }

    [Fact]
    public async Task What_is_left_of_an_operation_is_counted_from_one_to_what_is_left()
    {
        await using var cluster = await MovingCluster.StartAsync(postgres, redis, 2);
        var slots = (await cluster.RingAsync())!.SlotsOf(new("s1"));
        (await cluster.RunAsync("moves-planned", ["move", string.Join(',', slots.Take(5)), "--to", "s2", "--batch", "1", "--yes"])).Fails(ExitCode.Failed);
        await cluster.Database(1).ExecuteAsync("delete from sharding.move where ordinal < 3"); // as if they were done

        var run = (await cluster.RunAsync("ops", "resume")).Succeeds("2 slots");

        Assert.Equal(["#1 of 2", "#2 of 2"], Counted().Matches(run.Error).Select(each => each.Value).Distinct().Order(StringComparer.Ordinal));
    }

    [GeneratedRegex("#[0-9]+ of [0-9]+", RegexOptions.None, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Counted();

    private static Task RenameAsync(AdminCluster cluster, string id) =>
        cluster.Database(1).ExecuteAsync(string.Create(CultureInfo.InvariantCulture, $"update sharding.move set operation_id = '{id}'"));

    private static Task EndedAsync(AdminCluster cluster, string id) => cluster.Database(2).ExecuteAsync($$"""
        insert into sharding.move_history (move_id, operation_id, ordinal, source, target, slots, attempts, bytes_copied, changes_applied, started_by, started_at)
        values (gen_random_uuid(), '{{id}}', 0, 's2', 's9', '{1}', 1, 0, 0, 'test', now())
        """);
}
