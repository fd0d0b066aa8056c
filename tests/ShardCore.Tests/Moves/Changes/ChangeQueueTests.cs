using NpgsqlTypes;
using ShardCore.Moves.Changes;

namespace ShardCore.Tests.Moves.Changes;

/// <summary>What a mover keeps in memory of the source's changes is bounded, and nobody waits for ever because of it.</summary>
public sealed class ChangeQueueTests
{
    private static readonly SourceChanges Smallest = Of(bytes: 1);
    private static readonly SourceChanges Largest = Of(bytes: long.MaxValue / 2);

    [Fact]
    public async Task What_is_added_waits_for_room_until_what_was_taken_is_applied()
    {
        using var queue = new ChangeQueue();
        for (var i = 0; i < ChangeQueue.Units; i++)
            await queue.AddAsync(Smallest, default);
        var another = queue.AddAsync(Smallest, default).AsTask();

        Assert.True(queue.TryTake(out var taken));
        await Task.Delay(50);
        Assert.False(another.IsCompleted, "room was given back for what is not applied yet");

        queue.Applied(taken);
        await another.WaitAsync(TimeSpan.FromSeconds(30));
    }

    [Fact]
    public async Task Large_ones_take_the_room_of_many()
    {
        using var queue = new ChangeQueue();
        var quarter = Of(bytes: ChangeQueue.UnitBytes * (ChangeQueue.Units / 4L));
        for (var i = 0; i < 4; i++)
            await queue.AddAsync(quarter, default);
        Assert.False(queue.AddAsync(Smallest, default).AsTask().IsCompleted);
    }

    [Fact]
    public async Task One_that_is_larger_than_all_room_goes_alone()
    {
        using var queue = new ChangeQueue();
        await queue.AddAsync(Largest, default);
        var next = queue.AddAsync(Largest, default).AsTask();
        Assert.False(next.IsCompleted);
        Assert.True(queue.TryTake(out var taken));
        queue.Applied(taken);
        await next.WaitAsync(TimeSpan.FromSeconds(30));
    }

    private static SourceChanges Of(long bytes) => new(new NpgsqlLogSequenceNumber(1), [], [], bytes);
}
