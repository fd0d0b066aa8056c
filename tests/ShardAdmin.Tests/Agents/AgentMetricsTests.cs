using System.Globalization;
using System.Net;
using System.Net.Sockets;
using ShardAdmin.Failures;
using ShardAdmin.Tests.Moves;
using TestCluster;

namespace ShardAdmin.Tests.Agents;

/// <summary>Moves as metrics: what <c>shardadmin agent --metrics</c> shows of them, whoever carries them out.</summary>
public sealed class AgentMetricsTests(SharedPostgres postgres, SharedRedis redis)
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);
    private static readonly string[] Pair = ["source=\"s1\"", "target=\"s2\""];

    [Fact]
    public async Task Metrics_show_a_move_under_way_and_when_it_is_done()
    {
        await using var cluster = await MovingCluster.StartAsync(postgres, redis, 2);
        await cluster.FillAsync(1, 3000, docBytes: 100);
        var ring = (await cluster.RingAsync())!;
        var slots = string.Join(',', ring.SlotsOf(ring.Shards[0].Id).Take(250));
        var rows = await cluster.Database(1).ScalarAsync<long>($"select count(*) from sharding.item where slot in ({slots})");
        await using var metrics = await AgentMetrics.StartAsync(cluster, "--take-over-after", "10s");
        await using var mover = AdminChild.Start(cluster, ["move", slots, "--to", "s2", "--yes"], "move-catchup:pause");
        var id = await cluster.OperationAsync();

        await metrics.ShowsAsync(value => value == 1, "sharding_move_unfinished_batches", [.. Pair, "phase=\"copying\"", "step=\"catchup\"", "wanted=\"run\""]);
        await metrics.ShowsAsync(value => value == rows, "sharding_move_unfinished_rows", Pair);
        Assert.True(await metrics.ValueAsync("sharding_move_unfinished_bytes", Pair) > rows * 100);
        Assert.True(await metrics.ValueAsync("sharding_move_unfinished_planned_bytes", Pair) > rows * 100);
        Assert.Equal(0, await metrics.ValueAsync("sharding_move_unfinished_changes", Pair));
        Assert.Null(await metrics.ValueAsync("sharding_move_batches_total"));
        mover.Pause();
        await metrics.ShowsAsync(value => value >= 5, "sharding_move_report_age_seconds", [.. Pair, "wanted=\"run\""]);

        await metrics.ShowsAsync(value => value == 1, "sharding_move_batches_total", [.. Pair, "outcome=\"done\""]); // the agent has taken over
        await metrics.ShowsAsync(value => value is null, "sharding_move_unfinished_batches");
        Assert.Null(await metrics.ValueAsync("sharding_move_report_age_seconds"));
        var shown = await cluster.ShowAsync(id);
        Assert.Equal(250, await metrics.ValueAsync("sharding_move_slots_total", Pair));
        Assert.Equal(rows, await metrics.ValueAsync("sharding_move_rows_total", Pair));
        Assert.Equal(shown.GetProperty("bytes").GetDouble(), await metrics.ValueAsync("sharding_move_bytes_total", Pair));
        Assert.Equal(0, await metrics.ValueAsync("sharding_move_changes_total", Pair));
        Assert.Equal(1, await metrics.ValueAsync("sharding_move_pause_seconds_bucket", [.. Pair, "le=\"+Inf\""]));
        Assert.Equal(shown.GetProperty("maxPauseMs").GetDouble() / 1000, (await metrics.ValueAsync("sharding_move_pause_seconds_sum", Pair))!.Value, 1e-6);
        Assert.Equal(0, await metrics.ValueAsync("sharding_move_journal_failures_total"));
    }

    [Fact]
    public async Task The_same_history_is_not_counted_twice()
    {
        await using var cluster = await MovingCluster.StartAsync(postgres, redis, 2);
        await using var metrics = await AgentMetrics.StartAsync(cluster);
        var ring = (await cluster.RingAsync())!;
        var mine = ring.SlotsOf(ring.Shards[0].Id).ToArray();

        (await cluster.RunAsync("move", string.Join(',', mine[..3]), "--to", "s2", "--yes")).Succeeds();
        await metrics.ShowsAsync(value => value == 3, "sharding_move_slots_total", Pair);
        (await cluster.RunAsync("move", string.Join(',', mine[3..8]), "--to", "s2", "--yes")).Succeeds();
        await cluster.KillAsync(["move", string.Join(',', mine[8..10]), "--to", "s2", "--yes"], "moves-planned");
        (await cluster.RunAsync("ops", "cancel", await cluster.OperationAsync())).Succeeds();
        await ShowsTotalsAsync(metrics, done: 2, cancelled: 1, slots: 8);

        // Committed later than others that ended after it; as if a clock had been set back.
        await cluster.Database(1).ExecuteAsync("""
            insert into sharding.move_history (move_id, operation_id, source, target, slots, epoch, attempts, bytes_copied, changes_applied, started_by, started_at, ended_at)
            values (gen_random_uuid(), gen_random_uuid(), 's1', 's2', '{1,2,3,4}', 1, 1, 0, 0, 'somebody', now() - interval '2 days', now() - interval '1 day')
            """);
        await ShowsTotalsAsync(metrics, done: 3, cancelled: 1, slots: 12);
        await using var next = await AgentMetrics.StartAsync(cluster);
        await ShowsTotalsAsync(next, done: 3, cancelled: 1, slots: 12);

        // What a history loses stays counted, and what is new is counted beside it.
        await cluster.Database(1).ExecuteAsync("delete from sharding.move_history where outcome = 'cancelled'");
        (await cluster.RunAsync("move", string.Join(',', mine[10..16]), "--to", "s2", "--yes")).Succeeds();
        await ShowsTotalsAsync(metrics, done: 4, cancelled: 1, slots: 18);
    }

    [Fact]
    public async Task A_shard_that_is_away_is_a_failure_to_read_its_journal_and_not_those_of_others()
    {
        await using var ownPostgres = await PostgresProvider.Default.StartAsync();
        await using var cluster = await AdminCluster.NewAsync(postgres, redis, 1);
        cluster.Adopt(await ownPostgres.CreateDatabaseAsync());
        (await cluster.RunAsync(cluster.InitArguments(2))).Succeeds();
        await cluster.KillAsync(["move", $"{(await cluster.RingAsync())!.SlotsOf(MovingCluster.Second)[0]}", "--to", "s1", "--yes"], "moves-planned");
        (await cluster.RunAsync("ops", "pause", await cluster.OperationAsync())).Succeeds();
        await using var metrics = await AgentMetrics.StartAsync(cluster);
        await metrics.ShowsAsync(value => value == 1, "sharding_move_unfinished_batches", "source=\"s2\"", "phase=\"planned\"", "step=\"none\"", "wanted=\"pause\"");
        Assert.Equal(0, await metrics.ValueAsync("sharding_move_journal_failures_total", "shard=\"s2\""));

        await ownPostgres.StopAsync(PostgresShutdown.Fast);

        await metrics.ShowsAsync(value => value > 0, "sharding_move_journal_failures_total", "shard=\"s2\"");
        await metrics.ShowsAsync(value => value >= 2, "sharding_move_journal_age_seconds", "shard=\"s2\"");
        Assert.Null(await metrics.ValueAsync("sharding_move_unfinished_batches")); // not the last ones that were read
        Assert.Equal(0, await metrics.ValueAsync("sharding_move_journal_failures_total", "shard=\"s1\""));
        Assert.Equal(200, (await metrics.GetAsync("/health/live")).Status);
        await ownPostgres.StartAsync();
        await metrics.ShowsAsync(value => value == 1, "sharding_move_unfinished_batches", "source=\"s2\"", "wanted=\"pause\"");
        Assert.Contains("The journal of shard s2 was not read", metrics.Agent.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_port_in_use_is_told()
    {
        await using var cluster = await AdminCluster.InitialisedAsync(postgres, redis, 1);
        using var other = new TcpListener(IPAddress.Loopback, FreePort.Next());
        other.Start();
        var port = ((IPEndPoint)other.LocalEndpoint).Port;

        var run = await cluster.RunAsync("agent", "--timeout", "30s", "--metrics", port.ToString(CultureInfo.InvariantCulture));

        run.Fails(ExitCode.Precondition, $"http://127.0.0.1:{port}", "in use", "--metrics [HOST:]PORT");
        Assert.DoesNotContain("started for the cluster", run.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task It_stops_as_ever_and_nothing_of_it_is_loaded_unless_it_is_asked_for()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "reads /proc");
        await using var cluster = await AdminCluster.InitialisedAsync(postgres, redis, 1);
        await using var with = await AgentMetrics.StartAsync(cluster);
        await with.ShowsAsync(value => value is not null, "sharding_move_journal_age_seconds", "shard=\"s1\"");
        await using var without = AdminChild.Start(cluster, ["agent"]);
        await Eventually.ThatAsync(() => without.Output.Contains("started for the cluster", StringComparison.Ordinal), Limit, "the other agent has started");

        Assert.Contains("OpenTelemetry", LoadedBy(with.Agent), StringComparison.Ordinal);
        Assert.DoesNotContain("OpenTelemetry", LoadedBy(without), StringComparison.Ordinal);
        Assert.DoesNotContain("HttpListener", LoadedBy(without), StringComparison.Ordinal);

        with.Agent.Signal(UnixSignal.Terminate);
        await with.Agent.WaitForExitAsync(Limit);
        Assert.True(with.Agent.ExitCode == 0, with.Agent.Output);
    }

    private static string LoadedBy(ChildProcess process) => File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{process.Id}/maps"));

    private static async Task ShowsTotalsAsync(AgentMetrics metrics, int done, int cancelled, int slots)
    {
        await metrics.ShowsAsync(value => value == slots, "sharding_move_slots_total", Pair);
        await metrics.ShowsAsync(value => value == cancelled, "sharding_move_batches_total", [.. Pair, "outcome=\"cancelled\""]);
        Assert.Equal(done, await metrics.ValueAsync("sharding_move_batches_total", [.. Pair, "outcome=\"done\""]));
    }
}
