using ShardAdmin.Agents;
using ShardAdmin.Operations;
using ShardCore.Moves.Batches;
using ShardCore.Moves.Journal;
using ShardCore.Ring;

namespace ShardAdmin.Tests.Agents;

public sealed class AgentRulesTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(15);

    [Theory]
    [InlineData(MoveWish.Run, MovePhase.Planned, false, 0, "CarryOn")] // detached, or its mover was killed just now
    [InlineData(MoveWish.Run, MovePhase.Copying, true, 1, "Leave")] // somebody works on it
    [InlineData(MoveWish.Run, MovePhase.Copying, true, 15, "TakeOver")]
    [InlineData(MoveWish.Run, MovePhase.Released, true, 60, "TakeOver")]
    [InlineData(MoveWish.Pause, MovePhase.Copying, false, 60, "Leave")]
    [InlineData(MoveWish.Pause, MovePhase.Copying, true, 60, "Leave")]
    [InlineData(MoveWish.Pause, MovePhase.Released, false, 60, "CarryOn")] // nobody may serve these slots
    [InlineData(MoveWish.Pause, MovePhase.Owned, true, 60, "TakeOver")]
    [InlineData(MoveWish.Cancel, MovePhase.Copying, false, 0, "CarryOn")]
    [InlineData(MoveWish.Cancel, MovePhase.Copying, true, 1, "Leave")]
    [InlineData(MoveWish.Cancel, MovePhase.Copying, true, 60, "TakeOver")]
    public void What_an_agent_does_depends_on_the_wish_the_lock_and_the_last_report(MoveWish wish, MovePhase phase, bool held, int unseenSeconds, string expected) =>
        Assert.Equal(expected, AgentRules.Decide([Batch(wish, phase, held, unseenSeconds)], Limit).ToString());

    [Fact]
    public void A_mover_that_reports_on_any_of_its_batches_lives() =>
        Assert.Equal(AgentDecision.Leave, AgentRules.Decide([Batch(MoveWish.Run, MovePhase.Planned, true, 300), Batch(MoveWish.Run, MovePhase.Copying, true, 1)], Limit));

    private static SourcedBatch Batch(MoveWish wish, MovePhase phase, bool held, int unseenSeconds)
    {
        var batch = new MoveBatch(Guid.NewGuid(), Guid.NewGuid(), 0, new ShardId("s2"), [new Slot(1)], phase, 1, null, null);
        return new SourcedBatch(new Shard(new ShardId("s1"), "h", 1, "d"), batch, 0, wish, TimeSpan.FromSeconds(unseenSeconds), held);
    }
}
