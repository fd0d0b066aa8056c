using System.Diagnostics.CodeAnalysis;

namespace ShardRouter.Gathering;

/// <summary>The operations of a lane that no worker has taken yet, in the order in which they came.</summary>
/// <remarks>
/// The links are in the operations themselves, so one whose time is over leaves from wherever it stands, and its document with it. In an
/// ordinary queue it would keep its place until a worker comes by, which takes seconds while the shard hangs.
/// </remarks>
internal sealed class WaitingOperations<TOperation, TResult>
{
    private readonly Lock _gate = new(); // for a few instructions
    private GatheredOperation<TOperation, TResult>? _first;
    private GatheredOperation<TOperation, TResult>? _last;
    private volatile int _count;

    public int Count => _count;

    public bool IsEmpty => _count == 0;

    public void Enqueue(GatheredOperation<TOperation, TResult> operation)
    {
        lock (_gate)
        {
            operation.Before = _last;
            if (_last is null)
                _first = operation;
            else
                _last.Behind = operation;
            _last = operation;
            operation.Queue = this;
            _count++;
        }
    }

    public bool TryDequeue([NotNullWhen(true)] out GatheredOperation<TOperation, TResult>? operation)
    {
        operation = null;
        if (_count == 0)
            return false;
        lock (_gate)
        {
            operation = _first;
            if (operation is not null)
                Unlink(operation);
        }
        return operation is not null;
    }

    /// <summary>Takes the first ones for a statement, all under one lock; those whose time was over just now stay behind.</summary>
    /// <param name="into">Gets them.</param>
    /// <param name="most">Operations.</param>
    /// <param name="mostBytes">Reached by the last one.</param>
    /// <param name="sizeOf">Bytes of an operation.</param>
    public void TakeInto(List<GatheredOperation<TOperation, TResult>> into, long most, int mostBytes, Func<TOperation, int> sizeOf)
    {
        if (_count == 0)
            return;
        lock (_gate)
        {
            for (var bytes = 0; _first is { } operation && into.Count < most && bytes < mostBytes;)
            {
                Unlink(operation);
                if (!operation.TryTake())
                    continue;
                into.Add(operation);
                bytes += sizeOf(operation.Operation);
            }
        }
    }

    /// <summary>If it is still here.</summary>
    public void Remove(GatheredOperation<TOperation, TResult> operation)
    {
        lock (_gate)
        {
            if (operation.Queue == this)
                Unlink(operation);
        }
    }

    /// <summary>Those that are here now.</summary>
    public GatheredOperation<TOperation, TResult>[] ToArray()
    {
        lock (_gate)
        {
            var all = new GatheredOperation<TOperation, TResult>[_count];
            var i = 0;
            for (var each = _first; each is not null; each = each.Behind)
                all[i++] = each;
            return all;
        }
    }

    private void Unlink(GatheredOperation<TOperation, TResult> operation)
    {
        if (operation.Before is null)
            _first = operation.Behind;
        else
            operation.Before.Behind = operation.Behind;
        if (operation.Behind is null)
            _last = operation.Before;
        else
            operation.Behind.Before = operation.Before;
        (operation.Before, operation.Behind, operation.Queue) = (null, null, null);
        _count--;
    }
}
