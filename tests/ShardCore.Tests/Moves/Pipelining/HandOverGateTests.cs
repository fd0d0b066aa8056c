using ShardCore.Moves.Pipelining;

namespace ShardCore.Tests.Moves.Pipelining;

public sealed class HandOverGateTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);

    private readonly HandOverGate _gate = new();

    [Fact]
    public async Task Work_waits_while_a_hand_over_is_under_way_and_goes_on_after_it()
    {
        var closed = await _gate.CloseAsync(CancellationToken.None);
        var work = _gate.PassAsync(CancellationToken.None).AsTask();
        Assert.False(work.IsCompleted);

        closed.Dispose();

        (await work.WaitAsync(Limit, TestContext.Current.CancellationToken)).Dispose();
        using var later = await _gate.PassAsync(CancellationToken.None);
    }

    [Fact]
    public async Task A_hand_over_waits_for_work_that_is_under_way()
    {
        var (one, other) = (await _gate.PassAsync(CancellationToken.None), await _gate.PassAsync(CancellationToken.None));
        var closing = _gate.CloseAsync(CancellationToken.None);
        one.Dispose();
        Assert.False(closing.IsCompleted);

        other.Dispose();

        (await closing.WaitAsync(Limit, TestContext.Current.CancellationToken)).Dispose();
    }

    [Fact]
    public async Task Neither_waits_for_ever()
    {
        using var hanging = await _gate.PassAsync(CancellationToken.None);
        using var closed = await _gate.CloseAsync(CancellationToken.None).WaitAsync(Limit, TestContext.Current.CancellationToken);
        using var impatient = await _gate.PassAsync(CancellationToken.None).AsTask().WaitAsync(Limit, TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task Who_is_cancelled_while_closing_leaves_it_open()
    {
        using var stop = new CancellationTokenSource();
        using var under = await _gate.PassAsync(CancellationToken.None);
        var closing = _gate.CloseAsync(stop.Token);
        await stop.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => closing);

        Assert.True(_gate.PassAsync(CancellationToken.None).AsTask().IsCompletedSuccessfully);
    }
}
