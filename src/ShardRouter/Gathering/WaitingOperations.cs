using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using ShardRouter.Outcomes;

namespace ShardRouter.Gathering;

/// <summary>The operations of a lane that no worker has taken yet, in the order in which they came.</summary>
/// <remarks>
/// An operation whose time is over leaves at once, with its document. An empty shell stays, and a worker skips it. Otherwise the
/// operation would keep its place and its memory until a worker comes, which takes seconds while the shard hangs. A list under a lock,
/// from which operations could be removed, made puts a tenth slower.
/// </remarks>
internal sealed class WaitingOperations<TOperation, TResult>
{
    private readonly ConcurrentQueue<GatheredOperation<TOperation, TResult>> _queue = new();
    private readonly ConcurrentStack<GatheredOperation<TOperation, TResult>> _first = new(); // they were taken before, and go before all others
    // An operation is counted after it was added. So the count is too low for a moment, and never promises an operation that cannot be
    // taken yet.
    private int _count;

    public int Count => Math.Max(Volatile.Read(ref _count), 0);

    /// <summary>Operations were put first, and at least one of them is still here. It may be a shell.</summary>
    public bool HasFirst => !_first.IsEmpty;

    public bool IsEmpty => Volatile.Read(ref _count) <= 0;

    public void Enqueue(GatheredOperation<TOperation, TResult> operation)
    {
        operation.Join(this);
        _queue.Enqueue(operation);
        Interlocked.Increment(ref _count);
    }

    /// <summary>Puts operations of a statement that was rolled back before all others.</summary>
    /// <param name="operations">In the order in which they came.</param>
    public void PutFirst(ReadOnlySpan<GatheredOperation<TOperation, TResult>> operations)
    {
        GatheredOperation<TOperation, TResult>[] lastFirst = [.. operations];
        Array.Reverse(lastFirst);
        foreach (var operation in lastFirst)
            operation.Join(this);
        _first.PushRange(lastFirst);
        Interlocked.Add(ref _count, lastFirst.Length);
    }

    public bool TryDequeue([NotNullWhen(true)] out GatheredOperation<TOperation, TResult>? operation)
    {
        if (TryDequeueFirst(out operation))
            return true;
        while (_queue.TryDequeue(out operation))
        {
            if (Left(operation))
                return true;
        }
        return false;
    }

    /// <summary>Takes only what was put first.</summary>
    public bool TryDequeueFirst([NotNullWhen(true)] out GatheredOperation<TOperation, TResult>? operation)
    {
        while (_first.TryPop(out operation))
        {
            if (Left(operation))
                return true;
        }
        return false;
    }

    /// <summary>Takes all that was put first and meets the condition. Only for a queue that one worker empties.</summary>
    public IReadOnlyList<GatheredOperation<TOperation, TResult>> TakeFirst(Func<GatheredOperation<TOperation, TResult>, bool> condition)
    {
        if (_first.IsEmpty)
            return [];
        List<GatheredOperation<TOperation, TResult>> taken = [], others = [];
        while (TryDequeueFirst(out var operation))
            (condition(operation) ? taken : others).Add(operation);
        if (others.Count > 0)
            PutFirst(CollectionsMarshal.AsSpan(others));
        return taken;
    }

    /// <returns>False: a shell.</returns>
    private bool Left(GatheredOperation<TOperation, TResult> operation)
    {
        if (!operation.TryLeave())
            return false;
        Interlocked.Decrement(ref _count);
        return true;
    }

    /// <summary>Whether the next operation may go with those that were taken.</summary>
    /// <param name="taken">How many were taken.</param>
    /// <param name="most">How many may go together. It becomes less if the next one goes with fewer.</param>
    public bool HasRoom(int taken, ref int most)
    {
        if (_first.TryPeek(out var next) && next.Together < most)
        {
            if (taken >= next.Together)
                return false;
            most = next.Together;
        }
        return taken < most;
    }

    /// <summary>Takes the first operations for a statement.</summary>
    /// <param name="into">The list that gets them.</param>
    /// <param name="most">How many operations at most.</param>
    /// <param name="mostBytes">No further operation is taken once the bytes reach this.</param>
    /// <param name="sizeOf">The bytes of an operation.</param>
    /// <returns>The bytes of those that were taken.</returns>
    public int TakeInto(List<GatheredOperation<TOperation, TResult>> into, int most, int mostBytes, Func<TOperation, int> sizeOf)
    {
        var bytes = 0;
        while (bytes < mostBytes && HasRoom(into.Count, ref most) && TryDequeue(out var operation))
        {
            if (!operation.TryTake())
                continue; // its time ended just now
            into.Add(operation);
            bytes += sizeOf(operation.Operation);
        }
        return bytes;
    }

    /// <summary>Removes the operation if it is still here.</summary>
    public void Remove(GatheredOperation<TOperation, TResult> operation)
    {
        if (!operation.TryLeave())
            return;
        operation.Empty();
        Interlocked.Decrement(ref _count);
    }

    /// <summary>Ends the wait of all operations that are here now.</summary>
    public void GiveUp(ShardFailure failure)
    {
        foreach (var operation in ToArray())
            operation.TryGiveUp(failure);
    }

    /// <summary>
    /// The entries of the queue now. Some may be shells. Each part is copied by itself: a collection expression over both would first ask
    /// for their counts, and fail if one of them changes before it is copied.
    /// </summary>
    public GatheredOperation<TOperation, TResult>[] ToArray() => [.. _first.ToArray(), .. _queue.ToArray()];
}
