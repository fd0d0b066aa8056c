using System.Diagnostics;
using ShardRouter.Limits;

namespace ShardRouter.Tests.Limits;

public sealed class RateTableTests
{
    private const int Name = 0x0001_0002;
    private const long Begin = 1_000_000_000;

    private readonly RateTable _table = new(perSecond: 10);

    private static long After(double seconds) => Begin + (long)(seconds * Stopwatch.Frequency);

    [Fact]
    public void A_second_s_tokens_are_there_at_once_and_then_no_more()
    {
        for (var left = 9; left >= 0; left--)
            Assert.Equal((true, left), Shown(_table.Take(Name, 1, Begin)));

        var refused = _table.Take(Name, 1, Begin);

        Assert.Equal((false, 0), Shown(refused));
        Assert.InRange(refused.Wait, TimeSpan.FromMilliseconds(99), TimeSpan.FromMilliseconds(101));
    }

    [Fact]
    public void They_come_back_at_the_rate_and_never_more_than_a_second_s()
    {
        _table.Take(Name, 10, Begin);

        Assert.False(_table.Take(Name, 1, After(0.09)).IsTaken);
        Assert.True(_table.Take(Name, 1, After(0.101)).IsTaken);
        Assert.False(_table.Take(Name, 1, After(0.15)).IsTaken);
        Assert.Equal((true, 0), Shown(_table.Take(Name, 10, After(100))));
    }

    [Fact]
    public void What_was_refused_costs_nothing()
    {
        _table.Take(Name, 10, Begin);
        for (var i = 0; i < 1000; i++)
            Assert.False(_table.Take(Name, 5, After(0.4)).IsTaken);

        Assert.True(_table.Take(Name, 5, After(0.51)).IsTaken);
    }

    [Fact]
    public void Who_wants_more_than_there_can_be_gets_all_of_it()
    {
        Assert.True(_table.Take(Name, 100, Begin).IsTaken);
        Assert.False(_table.Take(Name, 1, Begin).IsTaken);
        Assert.True(_table.Take(Name, 100, After(1.01)).IsTaken);
    }

    [Theory]
    [InlineData(0x0001_0003)] // the same place in one row
    [InlineData(0x0003_0002)] // the same place in the other
    [InlineData(0x0007_0009)]
    public void Another_name_has_a_bucket_of_its_own(int other)
    {
        _table.Take(Name, 10, Begin);

        Assert.Equal((true, 9), Shown(_table.Take(other, 1, Begin)));
        Assert.False(_table.Take(Name, 1, Begin).IsTaken);
    }

    [Fact]
    public void Threads_get_together_no_more_than_there_is()
    {
        var table = new RateTable(perSecond: 1000);
        var taken = 0;

        Parallel.For(0, 8, _ =>
        {
            for (var i = 0; i < 1000; i++)
                if (table.Take(Name, 1, Begin).IsTaken)
                    Interlocked.Increment(ref taken);
        });

        Assert.Equal(1000, taken);
    }

    [Fact]
    public void Requests_at_the_same_time_are_counted_and_leave_again()
    {
        var table = new CountTable(most: 2);
        Assert.True(table.TryEnter(Name));
        Assert.True(table.TryEnter(Name));

        Assert.False(table.TryEnter(Name));
        Assert.True(table.TryEnter(0x0001_0003));
        table.Leave(Name);
        Assert.True(table.TryEnter(Name));
    }

    private static (bool, int) Shown(RateTaking taking) => (taking.IsTaken, taking.Left);
}
