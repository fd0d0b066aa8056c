using ShardCore.Ring;
using ShardRouter.Routing;

namespace ShardRouter.Tests.Rings;

public sealed class HeldSlotsTests
{
    private static readonly Slot Moving = new(7);
    private static readonly TimeSpan Long = TimeSpan.FromMinutes(1);

    private readonly HeldSlots _held = new();

    [Fact]
    public async Task One_asks_for_all_and_lets_them_go_together()
    {
        Assert.True(_held.TryLead(Moving));
        Assert.False(_held.TryLead(Moving));
        var others = Enumerable.Range(0, 100).Select(_ => WaitAsync(Long)).ToArray();
        Assert.Equal(100, _held.Waiting);
        Assert.All(others, other => Assert.False(other.IsCompleted));

        _held.Release(Moving);

        Assert.All(await Task.WhenAll(others), Assert.True);
        Assert.Equal(0, _held.Waiting);
        Assert.False(_held.IsHeld(Moving));
    }

    [Fact]
    public async Task Other_slots_pass_by()
    {
        _held.TryLead(Moving);

        Assert.False(_held.IsHeld(new Slot(8)));
        Assert.True(await _held.WaitAsync(new Slot(8), Long, TimeProvider.System, CancellationToken.None));
    }

    [Fact]
    public async Task More_than_the_queue_takes_are_turned_away_at_once()
    {
        _held.TryLead(Moving);
        var waiting = Enumerable.Range(0, HeldSlots.MaxWaiting).Select(_ => WaitAsync(Long)).ToArray();

        var tooMany = WaitAsync(Long);

        Assert.True(tooMany.IsCompleted && !await tooMany, "One more than the limit waits.");
        _held.Release(Moving);
        Assert.All(await Task.WhenAll(waiting), Assert.True);
        Assert.Equal(0, _held.Waiting);
    }

    [Fact]
    public async Task A_deadline_ends_the_wait_of_its_own_request_only()
    {
        _held.TryLead(Moving);
        using var deadline = new CancellationTokenSource();
        var (hurried, patient) = (_held.WaitAsync(Moving, Long, TimeProvider.System, deadline.Token).AsTask(), WaitAsync(Long));

        await deadline.CancelAsync();

        Assert.False(await hurried);
        Assert.False(await WaitAsync(TimeSpan.FromMilliseconds(1)));
        Assert.False(patient.IsCompleted);
        _held.Release(Moving);
        Assert.True(await patient);
        Assert.Equal(0, _held.Waiting);
    }

    private Task<bool> WaitAsync(TimeSpan limit) => _held.WaitAsync(Moving, limit, TimeProvider.System, CancellationToken.None).AsTask();
}
