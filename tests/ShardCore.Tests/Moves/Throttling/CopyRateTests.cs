using System.Diagnostics;
using ShardCore.Moves.Batches;
using ShardCore.Moves.Copying;
using ShardCore.Moves.Throttling;

namespace ShardCore.Tests.Moves.Throttling;

public sealed class CopyRateTests
{
    [Fact]
    public async Task Bytes_take_at_least_their_time_at_the_narrower_of_two_rates()
    {
        var own = new CopyRate(100_000, within: new CopyRate(1_000_000));
        var clock = Stopwatch.StartNew();
        for (var part = 0; part < 10; part++)
            await own.SpendAsync(4_000, TestContext.Current.CancellationToken);
        Assert.True(clock.Elapsed > TimeSpan.FromMilliseconds(300), $"40,000 bytes at 100,000 a second took {clock.Elapsed}");
        Assert.Equal(40_000, own.Spent);
    }

    [Fact]
    public async Task What_is_owed_at_a_low_rate_is_not_waited_out_after_it_rose()
    {
        var rate = new CopyRate(1_000);
        using var impatient = new CancellationTokenSource(TimeSpan.FromMilliseconds(20));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => rate.SpendAsync(100_000, impatient.Token).AsTask()); // owes 100 s
        rate.BytesPerSecond = 10_000_000;
        await rate.SpendAsync(1, TestContext.Current.CancellationToken).AsTask().WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);
    }

    [Theory]
    [InlineData(null, null, null)]
    [InlineData(5.0, null, 5.0)]
    [InlineData(null, 3.0, 3.0)]
    [InlineData(5.0, 3.0, 3.0)]
    [InlineData(2.0, 3.0, 2.0)]
    public void The_narrowest_rate_counts(double? own, double? wider, double? narrowest) =>
        Assert.Equal(narrowest, new CopyRate(own, within: new CopyRate(wider)).Narrowest);

    [Theory]
    [InlineData(null, 2)] // perhaps much
    [InlineData(0L, 1)]
    [InlineData(20L, 1)]
    [InlineData(40L, 2)]
    [InlineData(10_000L, 2)]
    public void A_copy_is_divided_when_there_is_enough_of_it(long? expectedMiB, int copies) =>
        Assert.Equal(copies, SlotCopier.CopiesOf(connections: 2, expectedMiB << 20));

    [Theory]
    [InlineData(MoveStep.Begin, true)]
    [InlineData(MoveStep.CatchUp, true)]
    [InlineData(MoveStep.Freeze, false)]
    [InlineData(MoveStep.Drain, false)]
    [InlineData(MoveStep.Release, false)]
    [InlineData(MoveStep.Own, false)]
    [InlineData(MoveStep.Publish, true)]
    [InlineData(MoveStep.Finish, true)]
    public async Task A_step_takes_its_share_of_the_rate_unless_writers_wait_for_it(MoveStep step, bool takes)
    {
        var options = new MoveOptions { Rate = new CopyRate(CopyRate.BytesPerStep * 10, within: new CopyRate(1)) };
        for (var before = 0; before < 2; before++)
            await options.PaceAsync(TestContext.Current.CancellationToken); // what the bucket had saved up is gone
        var (clock, spent) = (Stopwatch.StartNew(), options.Rate.Spent);

        await options.StepAsync(step, TestContext.Current.CancellationToken);

        Assert.Equal(takes ? CopyRate.BytesPerStep : 0, options.Rate.Spent - spent);
        Assert.True(!takes || clock.Elapsed > TimeSpan.FromMilliseconds(40), $"It took {clock.Elapsed} of a tenth of a second");
    }
}
