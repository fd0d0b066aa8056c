using System.Diagnostics;
using ShardRouter.Shards;

namespace ShardRouter.Tests.Gathering;

public sealed class QueueDelayTests
{
    private static readonly TimeSpan Target = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan Short = TimeSpan.FromMilliseconds(99);
    private static readonly TimeSpan Long = TimeSpan.FromMilliseconds(101);

    private readonly QueueDelay _delay = new(new QueueTarget(Target), workers: 2);

    [Fact]
    public void It_expects_what_the_last_statements_took()
    {
        for (var i = 0; i < 100; i++)
            _delay.Took((long)(0.050 * Stopwatch.Frequency), most: 100);

        Assert.InRange(_delay.Of(1000), TimeSpan.FromMilliseconds(230), TimeSpan.FromMilliseconds(250)); // ten statements, two at a time
        Assert.Equal(TimeSpan.Zero, _delay.Of(QueueDelay.Few));
    }

    [Fact]
    public void A_burst_is_borne()
    {
        Assert.False(IsTooLong(Long, 0));
        Assert.False(IsTooLong(Long, 0.9));
        Assert.False(IsTooLong(Short, 0.95)); // it became short again
        Assert.False(IsTooLong(Long, 1.1));
        Assert.False(IsTooLong(Long, 2));
    }

    [Fact]
    public void A_queue_that_stays_long_is_kept_short_until_nobody_was_refused_for_a_while()
    {
        Assert.False(IsTooLong(Long, 0));
        Assert.True(IsTooLong(Long, 1.1));
        Assert.False(IsTooLong(Short, 1.2)); // it became shorter by the refusals
        Assert.True(IsTooLong(Long, 1.3));
        Assert.True(IsTooLong(Long, 2.2));

        Assert.False(IsTooLong(Long, 3.3));
    }

    [Fact]
    public void Nobody_joins_a_queue_that_is_far_too_long_not_even_for_a_moment() => Assert.True(IsTooLong(Target * 9, 0));

    private bool IsTooLong(TimeSpan wait, double at) => _delay.IsTooLong(wait, 1 + (long)((at + 1000) * Stopwatch.Frequency));
}
