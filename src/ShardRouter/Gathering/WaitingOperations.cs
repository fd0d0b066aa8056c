using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;

namespace ShardRouter.Gathering;

/// <summary>The operations of a lane that no worker has taken yet, in the order in which they came.</summary>
/// <remarks>
/// One whose time is over leaves at once, with its document: what stays is an empty shell, which a worker passes over. Otherwise it would
/// keep its place, and the memory, until a worker comes by, which takes seconds while the shard hangs. A list under a lock, from which it
/// could be taken out, made puts a tenth slower.
/// </remarks>
internal sealed class WaitingOperations<TOperation, TResult>
{
    private readonly ConcurrentQueue<GatheredOperation<TOperation, TResult>> _queue = new();
    private int _count; // for a moment one less than there are: who adds counts afterwards, so nobody is told of what cannot be had yet

    public int Count => Math.Max(Volatile.Read(ref _count), 0);

    public bool IsEmpty => Volatile.Read(ref _count) <= 0;

    public void Enqueue(GatheredOperation<TOperation, TResult> operation)
    {
        operation.Join(this);
        _queue.Enqueue(operation);
        Interlocked.Increment(ref _count);
    }

    public bool TryDequeue([NotNullWhen(true)] out GatheredOperation<TOperation, TResult>? operation)
    {
        while (_queue.TryDequeue(out operation))
        {
            if (!operation.TryLeave())
                continue; // a shell
            Interlocked.Decrement(ref _count);
            return true;
        }
        return false;
    }

    /// <summary>Takes the first ones for a statement.</summary>
    /// <param name="into">Gets them.</param>
    /// <param name="most">Operations.</param>
    /// <param name="mostBytes">Reached by the last one.</param>
    /// <param name="sizeOf">Bytes of an operation.</param>
    public void TakeInto(List<GatheredOperation<TOperation, TResult>> into, long most, int mostBytes, Func<TOperation, int> sizeOf)
    {
        for (var bytes = 0; into.Count < most && bytes < mostBytes && TryDequeue(out var operation);)
        {
            if (!operation.TryTake())
                continue; // its time was over just now
            into.Add(operation);
            bytes += sizeOf(operation.Operation);
        }
    }

    /// <summary>If it is still here.</summary>
    public void Remove(GatheredOperation<TOperation, TResult> operation)
    {
        if (!operation.TryLeave())
            return;
        operation.Empty();
        Interlocked.Decrement(ref _count);
    }

    /// <summary>Those that are here now.</summary>
    public GatheredOperation<TOperation, TResult>[] ToArray() => _queue.ToArray();
}
