using System.Text.Json.Nodes;
using ShardAdmin.Failures;
using ShardCore.Ring;
using TestCluster;

namespace ShardAdmin.Tests.Moves;

/// <summary>Plans as files: made now, applied later, or refused.</summary>
public sealed class PlanTests(SharedPostgres postgres, SharedRedis redis) : IDisposable
{
    private readonly string _file = Path.Combine(Path.GetTempPath(), $"plan-{Guid.NewGuid():N}.json");

    [Fact]
    public async Task A_plan_is_applied_as_it_was_made_and_only_once()
    {
        await using var cluster = await MovingCluster.StartAsync(postgres, redis, 2);
        await cluster.FillAsync(1, 300);
        var before = await cluster.RingTextAsync();

        (await cluster.RunAsync("plan", "move", "0-40", "--to", "s2", "--out", _file)).Succeeds("while the ring has epoch", $"apply {_file}");
        Assert.Equal(before, await cluster.RingTextAsync());
        var plan = JsonNode.Parse(await File.ReadAllTextAsync(_file))!;
        Assert.Equal("shardadmin-plan", (string?)plan["document"]);
        Assert.Equal(41, (int)plan["moves"]![0]!["slotCount"]!);
        Assert.True((long)plan["moves"]![0]!["bytes"]! > 0);
        (await cluster.RunAsync("apply", _file)).Fails(ExitCode.Usage, "--yes", "Nothing was changed");
        (await cluster.RunAsync("apply", _file, "-n")).Succeeds("41 slots would move");

        (await cluster.RunAsync("apply", _file, "-y")).Succeeds("Moved 41 slots", (string)plan["operation"]!);

        Assert.All(Enumerable.Range(0, 41), slot => Assert.Equal(MovingCluster.Second, cluster.RingAsync().Result!.OwnerOf(new Slot(slot)).Id));
        (await cluster.RunAsync("apply", _file, "-y")).Fails(ExitCode.Conflict, "applied already", "ops show");
        Assert.Equal("move 0-40 --to s2", (await cluster.ShowAsync((string)plan["operation"]!)).GetProperty("command").GetString());
        await cluster.AssertSoundAsync(2);
        await cluster.AssertNoLeftOversAsync(2);
    }

    [Fact]
    public async Task A_stale_plan_is_refused_and_changes_nothing()
    {
        await using var cluster = await MovingCluster.StartAsync(postgres, redis, 2);
        (await cluster.RunAsync("plan", "move", "0-4", "--to", "s2", "--out", _file)).Succeeds();
        (await cluster.RunAsync("move", "5", "--to", "s2", "-y")).Succeeds();
        var before = await cluster.RingTextAsync();

        (await cluster.RunAsync("apply", _file, "-y")).Fails(ExitCode.Conflict, "stale", "epoch 1", "Nothing was changed", "plan");

        Assert.Equal(before, await cluster.RingTextAsync());
        await cluster.AssertNoLeftOversAsync(2);
    }

    [Fact]
    public async Task Damaged_and_foreign_plans_and_what_is_no_plan_are_refused()
    {
        await using var cluster = await MovingCluster.StartAsync(postgres, redis, 2);
        await using var other = await MovingCluster.StartAsync(postgres, redis, 2);
        (await cluster.RunAsync("plan", "move", "0-4", "--to", "s2", "--out", _file)).Succeeds();
        var good = await File.ReadAllTextAsync(_file);

        (await other.RunAsync("apply", _file, "-y")).Fails(ExitCode.Precondition, cluster.Name);
        (await cluster.RunAsync("apply", "/nowhere/plan.json", "-y")).Fails(ExitCode.NotFound, "no such file");
        await RefusedAsync(good[..(good.Length / 2)], ExitCode.Precondition, "cut off");
        await RefusedAsync(good.Replace("\"0-4\"", "\"0-5\"", StringComparison.Ordinal), ExitCode.Precondition, "checksum");
        await RefusedAsync(good.Replace("\"moves\"", "\"moved\"", StringComparison.Ordinal), ExitCode.Precondition, "damaged");
        await RefusedAsync(good.Replace("\"schema\": 1", "\"schema\": 2", StringComparison.Ordinal), ExitCode.Precondition, "version 2");
        await RefusedAsync("{}", ExitCode.Usage, "not a plan");
        await RefusedAsync("[1]", ExitCode.Usage, "not a plan");
        await RefusedAsync("", ExitCode.Precondition, "not JSON");
        await File.WriteAllTextAsync(_file, JsonNode.Parse(good)!.ToJsonString()); // formatted anew: the same plan
        (await cluster.RunAsync("apply", _file, "-y")).Succeeds("Moved 5 slots");

        async Task RefusedAsync(string text, ExitCode exit, string why)
        {
            await File.WriteAllTextAsync(_file, text);
            (await cluster.RunAsync("apply", _file, "-y")).Fails(exit, why, "Nothing was changed");
        }
    }

    [Fact]
    public async Task A_plan_brings_a_shard_in_another_takes_it_out_again_and_a_third_changes_weights()
    {
        await using var cluster = await MovingCluster.StartAsync(postgres, redis, 1);
        await cluster.NewDatabaseAsync();
        await cluster.FillAsync(1, 100);
        var weights = (await cluster.RunAsync("plan", "rebalance", "--weight", "s1=100")).Succeeds().Out;
        Assert.Contains("\"s1\": 100", weights, StringComparison.Ordinal);
        await File.WriteAllTextAsync(_file, weights);
        (await cluster.RunAsync("apply", _file, "-y")).Succeeds();

        (await cluster.RunAsync(["plan", .. cluster.AddArguments(2), "--out", _file])).Succeeds("s2");
        Assert.Single((await cluster.RingAsync())!.Shards);
        (await cluster.RunAsync("apply", _file, "-y")).Succeeds("Moved 16");
        Assert.InRange((await cluster.AssertSoundAsync(2)).SlotsOf(MovingCluster.Second).Length, 162, 163);

        (await cluster.RunAsync("plan", "remove-shard", "s2", "--out", _file)).Succeeds();
        (await cluster.RunAsync("apply", _file, "-y")).Succeeds("Moved 16");
        await cluster.AssertSoundAsync(1);
        (await cluster.RunAsync("plan", "remove-shard", "s1")).Fails(ExitCode.Precondition, "last");
        (await cluster.RunAsync("plan", "move", "5", "--to", "s9")).Fails(ExitCode.NotFound, "s9");
    }

    public void Dispose() => File.Delete(_file);
}
