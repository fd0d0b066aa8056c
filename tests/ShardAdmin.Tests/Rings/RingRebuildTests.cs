using System.Text.RegularExpressions;
using ShardAdmin.Failures;
using ShardCore.Ring;
using ShardCore.RingDocuments;
using TestCluster;

namespace ShardAdmin.Tests.Rings;

public sealed partial class RingRebuildTests(SharedPostgres postgres, SharedRedis redis)
{
    [Fact]
    public async Task A_lost_ring_comes_back_bit_for_bit_apart_from_epoch_and_checksum()
    {
        await using var cluster = await RebalancedAsync();
        var lost = (await cluster.RingTextAsync())!;
        await cluster.ForgetRingAsync();

        (await cluster.RunAsync("ring", "rebuild", "--seed", cluster.Database(2).Address)).Succeeds("rebuilt from 3 shards");

        var rebuilt = (await cluster.RingTextAsync())!;
        Assert.Equal(WithoutEpoch(lost), WithoutEpoch(rebuilt));
        Assert.True(RingDocumentCodec.Read(rebuilt).Epoch > RingDocumentCodec.Read(lost).Epoch);
        await cluster.AssertSoundAsync(3); // the shard list copies included
        (await cluster.RunAsync("ring", "rebuild")).Succeeds("Nothing to rebuild");
        Assert.Equal(rebuilt, await cluster.RingTextAsync());
    }

    [Theory]
    [InlineData("{\"schema\":1,\"epoch\": 4711, oops", 4712)]
    [InlineData("not json at all", null)]
    [InlineData("{\"epoch\":9007199254740990}", null)]
    public async Task An_unreadable_ring_is_replaced_by_one_of_a_higher_epoch(string text, int? expectedEpoch)
    {
        await using var cluster = await RebalancedAsync();
        var before = (await cluster.RingAsync())!;
        await cluster.PutRingTextAsync(text);
        (await cluster.RunAsync("ring", "show")).Fails(ExitCode.Precondition, "ring rebuild");

        (await cluster.RunAsync("ring", "rebuild", "--seed", cluster.Database(1).Address)).Succeeds();

        var after = await cluster.AssertSoundAsync(3);
        Assert.Equal(expectedEpoch ?? before.Epoch.Value + 1, after.Epoch.Value);
        Assert.Equal(before.Owners, after.Owners);
    }

    [Fact]
    public async Task A_ring_of_the_past_is_replaced_after_asking_and_by_a_higher_epoch_than_was_ever_seen()
    {
        await using var cluster = await RebalancedAsync();
        var now = (await cluster.RingAsync())!;
        var old = (await cluster.InRedisAsync((_, rings) => rings.HistoryAsync(default)))[^1];
        await cluster.PutRingTextAsync(old.Document);

        (await cluster.RunAsync("ring", "rebuild")).Fails(ExitCode.Usage, "--yes");
        (await cluster.RunAsync(null, ["ring", "rebuild"], input: "no\n")).Fails(ExitCode.NotAllowed);
        Assert.Equal(old.Document, await cluster.RingTextAsync());
        (await cluster.RunAsync(null, ["ring", "rebuild"], input: "yes\n")).Succeeds();

        var after = await cluster.AssertSoundAsync(3);
        Assert.True(after.Epoch > now.Epoch);
        Assert.Equal(now.Owners, after.Owners);
    }

    [Fact]
    public async Task A_dry_run_publishes_nothing()
    {
        await using var cluster = await RebalancedAsync();
        await cluster.ForgetRingAsync();

        (await cluster.RunAsync("ring", "rebuild", "--seed", cluster.Database(1).Address, "-n")).Succeeds("Dry run");

        Assert.Null(await cluster.RingTextAsync());
    }

    [Theory]
    [InlineData("delete from sharding.slot_ownership where slot between 10 and 12", "Slots 10-12 are owned by no shard")]
    [InlineData("insert into sharding.slot_ownership (slot, state, epoch) values (16000, 'owned', 9) on conflict (slot) do update set state = 'owned'", "Slots 16000 are owned by s1 and s")]
    public async Task Gaps_and_double_owners_are_listed_and_nothing_is_changed(string sabotage, string told)
    {
        await using var cluster = await RebalancedAsync();
        await cluster.ForgetRingAsync();
        await cluster.Database(1).ExecuteAsync(sabotage);

        (await cluster.RunAsync("ring", "rebuild", "--seed", cluster.Database(1).Address)).Fails(ExitCode.Precondition, told, "Nothing was changed");

        Assert.Null(await cluster.RingTextAsync());
    }

    [Fact]
    public async Task A_frozen_slot_has_an_owner()
    {
        await using var cluster = await RebalancedAsync();
        await cluster.ForgetRingAsync();
        await cluster.Database(1).ExecuteAsync("update sharding.slot_ownership set state = 'frozen', frozen_until = now() + interval '1 minute' where slot = 0");

        (await cluster.RunAsync("ring", "rebuild", "--seed", cluster.Database(1).Address)).Succeeds();
    }

    [Fact]
    public async Task A_ring_lost_in_the_middle_of_a_join_comes_back_and_the_join_is_completed()
    {
        await using var cluster = await AdminCluster.InitialisedAsync(postgres, redis, 2);
        await cluster.NewDatabaseAsync();
        (await cluster.RunAsync("lists-stored", cluster.AddArguments(3))).Fails(ExitCode.Failed);
        await cluster.ForgetRingAsync();

        (await cluster.RunAsync("ring", "rebuild", "--seed", cluster.Database(1).Address)).Succeeds();
        (await cluster.RunAsync(cluster.AddArguments(3))).Succeeds();

        await cluster.AssertSoundAsync(3);
    }

    [Fact]
    public async Task Seeds_come_from_the_environment_too_and_one_that_answers_is_enough()
    {
        await using var cluster = await RebalancedAsync();
        await cluster.ForgetRingAsync();
        var environment = new Dictionary<string, string>
        {
            ["SHARDING_REDIS"] = cluster.Redis,
            ["SHARDING_CLUSTER"] = cluster.Name,
            ["SHARDING_SEEDS"] = $"127.0.0.1:1/gone, {cluster.Database(3).Address}",
        };

        (await AdminRun.OfAsync(environment, ["init"])).Fails(ExitCode.CannotReach, "127.0.0.1:1/gone");
        (await AdminRun.OfAsync(environment, ["ring", "rebuild"])).Succeeds();

        await cluster.AssertSoundAsync(3);
    }

    [Fact]
    public async Task Seeds_that_are_no_shard_or_of_another_cluster_are_refused()
    {
        await using var cluster = await AdminCluster.InitialisedAsync(postgres, redis, 1);
        await using var other = await AdminCluster.InitialisedAsync(postgres, redis, 1);
        await cluster.NewDatabaseAsync();
        await cluster.ForgetRingAsync();

        (await cluster.RunAsync("ring", "rebuild")).Fails(ExitCode.Usage, "--seed");
        (await cluster.RunAsync("ring", "rebuild", "--seed", cluster.Database(2).Address)).Fails(ExitCode.Precondition, "is not a shard");
        (await cluster.RunAsync("ring", "rebuild", "--seed", other.Database(1).Address)).Fails(ExitCode.Precondition, other.Name);
        (await cluster.RunAsync("ring", "rebuild", "--seed", "127.0.0.1:1/gone")).Fails(ExitCode.CannotReach, "127.0.0.1:1/gone");
    }

    [Fact]
    public async Task After_a_restore_the_epoch_is_above_those_that_routers_may_have_on_disk()
    {
        await using var cluster = await RebalancedAsync();
        var lost = (await cluster.RingAsync())!;
        await cluster.ForgetRingAsync();

        (await cluster.RunAsync("ring", "rebuild", "--restored", "--seed", cluster.Database(1).Address)).Succeeds();

        Assert.True((await cluster.AssertSoundAsync(3)).Epoch.Value > lost.Epoch.Value + 1_000_000);
        (await cluster.RunAsync("move", "0", "--to", lost.OwnerOf(new Slot(0)).Id.Value == "s1" ? "s2" : "s1", "--yes")).Succeeds();
        await cluster.AssertSoundAsync(3);
    }

    [Fact]
    public async Task A_shard_that_stands_elsewhere_is_named_and_the_ring_gets_its_address()
    {
        await using var cluster = await RebalancedAsync();
        var second = cluster.Database(2);
        var elsewhere = $"localhost:{second.Port}/{second.Name}";
        await cluster.ForgetRingAsync();
        (await cluster.RunAsync("ring", "rebuild", "--at", $"s9={elsewhere}")).Fails(ExitCode.Usage, "no shard s9");
        (await cluster.RunAsync("ring", "rebuild", "--at", $"s1={elsewhere}"))
            .Fails(ExitCode.Precondition, $"names s1 at {elsewhere}", "is shard s2");
        (await cluster.RunAsync("ring", "rebuild", "--at", $"s1={elsewhere}", "--at", $"s1={elsewhere}"))
            .Fails(ExitCode.Usage, "names shard s1 twice");
        Assert.Null(await cluster.RingTextAsync());

        (await cluster.RunAsync("ring", "rebuild", "--at", $"s2={elsewhere}")).Succeeds("rebuilt from 3 shards");

        Assert.Equal(elsewhere, (await cluster.AssertSoundAsync(3)).Find(new ShardId("s2"))!.Address); // the shard list copies included
    }

    private async Task<AdminCluster> RebalancedAsync()
    {
        var cluster = await AdminCluster.InitialisedAsync(postgres, redis, 2);
        await cluster.NewDatabaseAsync();
        (await cluster.RunAsync(cluster.AddArguments(3, "--weight", "2"))).Succeeds();
        return cluster;
    }

    private static string WithoutEpoch(string document) => Checksum().Replace(EpochField().Replace(document, "\"epoch\":0", 1), "\"checksum\":\"\"", 1);

    [GeneratedRegex("\"epoch\":[0-9]+", RegexOptions.None, 1000)]
    private static partial Regex EpochField();

    [GeneratedRegex("\"checksum\":\"[^\"]*\"", RegexOptions.None, 1000)]
    private static partial Regex Checksum();
}
