using Chaos.Cluster;
using Chaos.Faults;

namespace LoadTests.Tests.Chaos;

public sealed class StandbyPlanTests
{
    [Theory]
    [InlineData(StandbyPlan.Synchronous, true)]
    [InlineData(StandbyPlan.Asynchronous, false)]
    public void With_one_kind_every_shard_has_that_kind(string choice, bool isSynchronous) =>
        Assert.Equal(ChaosCluster.FirstShards.Select(shard => KeyValuePair.Create(shard, isSynchronous)), StandbyPlan.Of(7, choice).Shards.OrderBy(each => each.Key));

    [Fact]
    public void With_both_kinds_a_seed_always_gives_the_same_choice_and_each_shard_has_either_kind_with_some_seed()
    {
        var plans = Enumerable.Range(0, 50).Select(seed => StandbyPlan.Of(seed, StandbyPlan.Both)).ToArray();

        Assert.All(plans, plan => Assert.Equal(ChaosCluster.FirstShards.Count, plan.Shards.Count));
        Assert.All(plans, plan => Assert.Equal([false, true], plan.Shards.Values.Distinct().Order()));
        Assert.All(ChaosCluster.FirstShards, shard => Assert.Equal([false, true], plans.Select(plan => plan.Shards[shard]).Distinct().Order()));
        Assert.Equal(plans[3].Shards, StandbyPlan.Of(3, StandbyPlan.Both).Shards);
    }

    [Fact]
    public void With_none_no_shard_has_one() => Assert.Empty(StandbyPlan.Of(7, StandbyPlan.None).Shards);
}
