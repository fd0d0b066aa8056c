using ShardRouter.Shards;

namespace ShardRouter.Tests.Faults;

public sealed class CallLimitTests
{
    /// <summary>Found by chaos: a router that was stopped woke up with deadline and answer due at once, and answered 500.</summary>
    [Fact]
    public async Task A_call_that_ends_in_the_moment_of_its_deadline_has_its_answer()
    {
        for (var i = 0; i < 5000; i++)
        {
            using var deadline = new CancellationTokenSource();
            var call = new TaskCompletionSource<int>(TaskCreationOptions.RunContinuationsAsynchronously);
            var waiting = CallLimit.WithinAsync(call.Task, new CallTurn(), writes: true, "s1", deadline.Token);
            await Task.WhenAll(Task.Run(deadline.Cancel), Task.Run(() => call.SetResult(7)));

            Assert.Equal(7, await waiting);
        }
    }

    [Theory]
    [InlineData(true, true, "OutcomeUnknown")]
    [InlineData(true, false, "DeadlineExceeded")]
    [InlineData(false, true, "DeadlineExceeded")]
    public async Task A_call_that_does_not_stop_is_left_alone(bool writes, bool isSent, string failure)
    {
        var turn = new CallTurn();
        Assert.True(!isSent || turn.TrySend());
        using var deadline = new CancellationTokenSource();
        var call = new TaskCompletionSource<int>();
        var waiting = CallLimit.WithinAsync(call.Task, turn, writes, "s1", deadline.Token);
        await deadline.CancelAsync();

        Assert.Equal(failure, (await Assert.ThrowsAsync<ShardCallException>(() => waiting)).Failure.ToString());
        Assert.False(turn.TrySend(), "It was answered, so it must not be sent.");
        call.SetException(new InvalidOperationException("much later"));
    }
}
