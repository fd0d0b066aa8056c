using Chaos.Cluster;

namespace LoadTests.Tests.Chaos;

public sealed class NamedCommandsTests
{
    [Theory]
    [InlineData("shardadmin ops settle 7ad6d4ab --keep source|target", "ops settle 7ad6d4ab --keep target --yes")]
    [InlineData("shardadmin ops settle 7ad6d4ab --keep source   (or --keep target)", "ops settle 7ad6d4ab --keep target --yes")]
    [InlineData("shardadmin add-shard s2 --host h --port 1 --database d --no-rebalance", "add-shard s2 --host h --port 1 --database d --no-rebalance --yes")]
    [InlineData("start the shards; shardadmin ops resume", "ops resume --yes")]
    public void The_command_that_is_named_is_run_with_the_decision_and_without_a_question(string text, string arguments) =>
        Assert.Equal(arguments.Split(' '), NamedCommands.ArgumentsOf(text, "target"));

    [Theory]
    [InlineData("start the shards that do not answer")]
    [InlineData("shardadmin doctor")]
    [InlineData("shardadmin verify s1")]
    public void What_changes_nothing_is_not_run(string text) => Assert.Null(NamedCommands.ArgumentsOf(text, "target"));
}
