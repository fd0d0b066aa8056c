using System.Diagnostics.CodeAnalysis;
using ShardRouter.Keys;
using ShardRouter.Outcomes;

namespace ShardRouter.Gathering;

/// <summary>
/// The keys of a lane whose operations are carried out alone, and the later operations on these keys, which wait until those are done.
/// </summary>
/// <remarks>
/// Why no operation overtakes an earlier one on its key: the lane has one worker, and only this worker takes from the lane's queue and
/// begins keys here.
/// 1. After a rollback the worker begins each key of the statement before it takes anything else.
/// 2. While a key is here, every operation on it that the worker takes from the queue joins the key, behind the earlier ones. It goes
///    into no statement.
/// 3. A key leaves in <see cref="End"/> if no operation has joined it. Otherwise it leaves in <see cref="TryTakeBack"/>, together with
///    the last operation that joined. The worker calls TryTakeBack before every look into the queue. So it meets a later operation on the
///    key only when all earlier ones are ahead of that operation: in the same statement or in an earlier one.
/// 4. Joining and leaving happen under one lock. So there are two cases. An operation joins: then End leaves the key here and wakes the
///    worker. Or an operation finds that End has removed the key: then every earlier operation was answered before, hence committed or
///    rolled back.
/// An operation whose outcome is unknown ends its turn like any other, because nobody knows when it ends in the shard, or whether it ever
/// does.
/// Joined operations go into a statement again, not alone. If a key is written without a pause, single calls would be slower than new
/// operations come, and the key would never leave.
/// </remarks>
/// <param name="workAgain">Called when joined operations can be taken back.</param>
internal sealed class AloneKeys<TOperation, TResult>(Func<TOperation, ItemKey> keyOf, Action workAgain)
{
    /// <summary>
    /// The most operations that wait behind all keys of a lane; further ones are refused. They do not count in the lane's queue, so other
    /// keys go on.
    /// </summary>
    public const int MaxJoined = 4096;

    private readonly Lock _gate = new(); // held for a few instructions, never during a wait
    private readonly Dictionary<ItemKey, Turn> _turns = [];
    private readonly Queue<ItemKey> _ended = [];
    private volatile int _count;
    private volatile int _endedCount;
    private volatile int _joined;

    /// <summary>Operations that wait behind a key.</summary>
    public int Joined => _joined;

    /// <summary>No key is here. Only the lane's worker makes this false.</summary>
    public bool IsEmpty => _count == 0;

    public bool HasEnded => _endedCount > 0;

    /// <summary>The worker calls this for each key of a statement that was rolled back.</summary>
    /// <param name="key">
    /// A key that is not here, or one whose joined operations did not all fit into that statement. In the second case the rest waits once
    /// more.
    /// </param>
    public void Begin(ItemKey key, IReadOnlyList<GatheredOperation<TOperation, TResult>> alone)
    {
        lock (_gate)
        {
            if (!_turns.TryAdd(key, new Turn(alone)))
            {
                _turns[key].Alone = alone;
                _ended.Dequeue(); // it is the first: all operations of the keys before it have been taken back
                _endedCount = _ended.Count;
            }
            _count = _turns.Count;
        }
    }

    /// <returns>False: its key is not here.</returns>
    public bool TryJoin(GatheredOperation<TOperation, TResult> operation)
    {
        if (_count == 0) // only the caller, the lane's worker, makes it grow
            return false;
        lock (_gate)
        {
            if (!_turns.TryGetValue(keyOf(operation.Operation), out var turn))
                return false;
            while (turn.Joined.TryPeek(out var first) && first.IsAnswered)
                _ = Dequeue(turn); // its time is over, and it must not take the place of a live one
            if (_joined >= MaxJoined)
                operation.TryGiveUp(ShardFailure.Overloaded);
            else
                Enqueue(turn, operation);
            return true;
        }
    }

    /// <summary>The operations that were carried out alone are done.</summary>
    public void End(ItemKey key)
    {
        lock (_gate)
        {
            if (_turns[key].Joined.Count == 0)
            {
                Remove(key);
                return;
            }
            _ended.Enqueue(key);
            _endedCount = _ended.Count;
        }
        workAgain();
    }

    /// <returns>False: no joined operation may go on yet.</returns>
    public bool TryTakeBack([NotNullWhen(true)] out GatheredOperation<TOperation, TResult>? operation)
    {
        operation = null;
        if (_endedCount == 0)
            return false;
        lock (_gate)
        {
            while (operation is null && _ended.TryPeek(out var key))
            {
                var turn = _turns[key];
                if (turn.Joined.Count > 0)
                    operation = Dequeue(turn);
                if (turn.Joined.Count > 0)
                    break;
                _ended.Dequeue();
                _endedCount = _ended.Count;
                Remove(key);
            }
            return operation is not null;
        }
    }

    /// <summary>Ends the wait of all operations that are not under way.</summary>
    public void FailWaiting(ShardFailure failure)
    {
        lock (_gate)
        {
            foreach (var operation in _turns.Values.SelectMany(turn => turn.Alone.Concat(turn.Joined)))
                operation.TryGiveUp(failure); // it stays in its list, where the next reader skips it
        }
    }

    private void Enqueue(Turn turn, GatheredOperation<TOperation, TResult> operation)
    {
        turn.Joined.Enqueue(operation);
        _joined++;
    }

    private GatheredOperation<TOperation, TResult> Dequeue(Turn turn)
    {
        _joined--;
        return turn.Joined.Dequeue();
    }

    private void Remove(ItemKey key)
    {
        _turns.Remove(key);
        _count = _turns.Count;
    }

    private sealed class Turn(IReadOnlyList<GatheredOperation<TOperation, TResult>> alone)
    {
        public IReadOnlyList<GatheredOperation<TOperation, TResult>> Alone { get; set; } = alone;

        public Queue<GatheredOperation<TOperation, TResult>> Joined { get; } = [];
    }
}
