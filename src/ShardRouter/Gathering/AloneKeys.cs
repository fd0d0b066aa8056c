using System.Diagnostics.CodeAnalysis;
using ShardRouter.Items;
using ShardRouter.Shards;

namespace ShardRouter.Gathering;

/// <summary>The keys of a lane with operations that are carried out alone, and the later operations on them, which wait until those are done.</summary>
/// <remarks>
/// Why none overtakes an earlier one on its key: the lane has one worker, and only that takes from the lane's queue and begins a key here.
/// 1. After a rollback it begins each key of the statement before it takes anything else.
/// 2. While a key is here, whatever the worker meets on it in the queue joins, behind what came earlier, and goes into no statement.
/// 3. A key leaves in <see cref="End"/> if nothing has joined, else in <see cref="TryTakeBack"/> together with the last that has. The worker asks there
///    before every look into the queue, so it meets what came later still when all earlier ones are in front of it: in this statement or an earlier one.
/// 4. Joining and leaving are under one lock. So an operation either joins, and then End leaves the key here and wakes the worker, or it finds the key
///    gone, which is after every earlier operation was answered, hence committed or rolled back.
/// An operation whose outcome is unknown ends its turn: nobody knows when it ends in the shard, or whether.
/// What has joined goes in a statement again, not alone: alone it would be slower than it comes where a key is written without a pause, and never get back.
/// </remarks>
/// <param name="workAgain">Called when there is something to take back.</param>
internal sealed class AloneKeys<TOperation, TResult>(Func<TOperation, ItemKey> keyOf, Action workAgain)
{
    /// <summary>More than this behind all keys of a lane are turned away. They do not count in the lane's queue: other keys go on.</summary>
    public const int MaxJoined = 4096;

    private readonly Lock _gate = new(); // for a few instructions, never while something is waited for
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

    /// <summary>By the worker, of a statement that was rolled back.</summary>
    /// <param name="key">It is not here; or some that had joined were taken back into that statement, and not all, as it was full: the others wait once more.</param>
    public void Begin(ItemKey key, IReadOnlyList<GatheredOperation<TOperation, TResult>> alone)
    {
        lock (_gate)
        {
            if (!_turns.TryAdd(key, new Turn(alone)))
            {
                _turns[key].Alone = alone;
                _ended.Dequeue(); // it is the first: those before it have been taken back whole
                _endedCount = _ended.Count;
            }
            _count = _turns.Count;
        }
    }

    /// <returns>False: its key is not here.</returns>
    public bool TryJoin(GatheredOperation<TOperation, TResult> operation)
    {
        if (_count == 0) // only the caller makes it grow
            return false;
        lock (_gate)
        {
            if (!_turns.TryGetValue(keyOf(operation.Operation), out var turn))
                return false;
            while (turn.Joined.TryPeek(out var first) && first.IsAnswered)
                _ = Dequeue(turn); // its time was over: it shall not take a living one's place
            if (_joined >= MaxJoined)
                operation.TryGiveUp(ShardFailure.Overloaded);
            else
                Enqueue(turn, operation);
            return true;
        }
    }

    /// <summary>Those that were carried out alone are done.</summary>
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

    /// <returns>False: nothing that has joined may go on yet.</returns>
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

    /// <summary>Ends the wait of everything that is not under way.</summary>
    public void FailWaiting(ShardFailure failure)
    {
        lock (_gate)
        {
            foreach (var operation in _turns.Values.SelectMany(turn => turn.Alone.Concat(turn.Joined)))
                operation.TryGiveUp(failure); // whoever meets it passes over it
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
