using ShardRouter.Payload;

namespace ShardRouter.Tests.Payload;

/// <summary>One after the other: they count in the budget of this process.</summary>
public sealed class PayloadShareTests
{
    private const long Free = PayloadShare.UncountedBytes;

    /// <summary>A shard that hung in the middle of an answer goes on after its request was over, and nobody releases what it takes then.</summary>
    [Fact]
    public void A_request_that_is_over_takes_nothing_any_more()
    {
        var share = new PayloadShare();
        Assert.True(share.TryTake(Free + 100));
        Assert.Equal(100, PayloadBudget.Process.Taken);

        share.Dispose();

        Assert.False(share.TryTake(Free + 100));
        share.Take(100);
        share.Dispose();
        Assert.Equal(0, PayloadBudget.Process.Taken);
    }

    [Fact]
    public void A_small_answer_needs_no_room()
    {
        using var full = new PayloadShare();
        Assert.True(full.TryTake(PayloadBudget.Process.Most + Free));
        using var small = new PayloadShare();

        Assert.True(small.TryTake(Free));
        Assert.False(small.TryTake(1));
    }

    [Fact]
    public void An_attempt_that_is_made_again_counts_once()
    {
        using var share = new PayloadShare();
        var admission = new AnswerAdmission(mostBytes: 10_000, share);
        var lost = admission.NewPart();
        Assert.True(lost.TryAdmit(9_000));
        Assert.False(lost.TryAdmit(9_000));
        Assert.Equal(LeftOut.AnswerFull, lost.Refused);

        lost.Undo();
        var again = admission.NewPart();

        Assert.Null(again.Refused);
        Assert.True(again.TryAdmit(9_000));
        Assert.True(PayloadBudget.Process.Taken <= 9_000);
    }
}
