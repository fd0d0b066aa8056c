using System.Collections.Concurrent;
using ShardCore.Ring;

namespace ShardRouter.Routing;

/// <summary>
/// The queue in which operations wait while their slot is handed over. The first operation that the fence refuses leads: it keeps asking
/// for all of them. The others wait here, off the shard, and go on together when the leader got through. Operations on other slots do not
/// wait.
/// </summary>
internal sealed class HeldSlots
{
    /// <summary>
    /// The most operations that wait in one router; further ones are refused. A hand-over takes milliseconds, so something else must be
    /// wrong then.
    /// </summary>
    public const int MaxWaiting = 4096;

    private readonly ConcurrentDictionary<int, TaskCompletionSource> _held = [];
    private int _waiting;

    public int Waiting => Volatile.Read(ref _waiting);

    public bool IsHeld(Slot slot) => !_held.IsEmpty && _held.ContainsKey(slot.Value);

    /// <returns>True: the caller asks for all operations now, and must call <see cref="Release"/> in any case.</returns>
    public bool TryLead(Slot slot) =>
        _held.TryAdd(slot.Value, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));

    public void Release(Slot slot)
    {
        if (_held.TryRemove(slot.Value, out var held))
            held.TrySetResult();
    }

    /// <summary>Waits until the slot is released.</summary>
    /// <returns>False: the slot was not released in time, or too many operations wait already.</returns>
    public async ValueTask<bool> WaitAsync(Slot slot, TimeSpan limit, TimeProvider time, CancellationToken deadline)
    {
        if (!_held.TryGetValue(slot.Value, out var held))
            return true;
        if (limit <= TimeSpan.Zero)
            return false;
        try
        {
            if (Interlocked.Increment(ref _waiting) > MaxWaiting)
                return false;
            await held.Task.WaitAsync(limit, time, deadline);
            return true;
        }
        catch (Exception e) when (e is TimeoutException or OperationCanceledException)
        {
            return false;
        }
        finally
        {
            Interlocked.Decrement(ref _waiting);
        }
    }
}
