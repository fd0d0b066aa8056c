using Npgsql;
using ShardCore.Shards;

namespace ShardCore.Moves.Pipelining;

/// <summary>
/// What batches of one source share when they run side by side: while one is copied the next is prepared, the one before is handed over, and those
/// before that are compared. The source's rows are deleted when all have been compared.
/// </summary>
/// <remarks>
/// <para>Deleting comes last because every replication slot decodes every deletion, and because a shard that has given
/// everything away can be emptied at once (<c>sharding.move_empty</c>). A mover that stops before it leaves batches that are
/// final but for their cleaning, which whoever resumes does.</para>
/// Batches of one pipeline have no slot in common, so nothing that makes one of them safe depends on another: each has its
/// own journal row, publication, replication slot, slot locks and import. Freezes of two batches cannot deadlock: each locks
/// in ascending order, as writers do, and their slots are disjoint. The lanes are there for the machine's sake: one copy, one hand-over and one
/// comparison at a time disturb the foreground least, and at most two replication slots exist at once. Deletions come last and alone; two of them
/// use what the others have left free, within the same rate.
/// </remarks>
public sealed class MovePipeline : IAsyncDisposable
{
    /// <summary>Batches of one source that may be under way at once, from their beginning until they are compared: until then each holds connections.</summary>
    private const int MaxBatches = 6;

    private readonly SemaphoreSlim _places = new(MaxBatches);
    private readonly HashSet<Guid> _notCompared;
    private readonly TaskCompletionSource _allCompared = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <param name="batches">All that will pass through it.</param>
    public MovePipeline(params IEnumerable<Guid> batches) => _notCompared = [.. batches];

    /// <summary>Steps 1 to 3.</summary>
    public MoveLane Prepare { get; } = new();

    /// <summary>Steps 4 and 5, entered before the first is left.</summary>
    public MoveLane Copy { get; } = new();

    /// <summary>Steps 6 to 10, entered before the one before is left.</summary>
    public MoveLane HandOver { get; } = new();

    /// <summary>Step 12.</summary>
    public MoveLane Compare { get; } = new();

    /// <summary>Step 13, when nothing else is left to do.</summary>
    public MoveLane Clean { get; } = new(places: 2);

    /// <summary>Completes when every batch has been compared, or has ended before.</summary>
    internal Task AllCompared
    {
        get
        {
            lock (_notCompared)
                return _notCompared.Count == 0 ? Task.CompletedTask : _allCompared.Task;
        }
    }

    /// <summary>Closed while a batch is handed over.</summary>
    internal HandOverGate Gate { get; } = new();

    /// <summary>Connections to the shards; null: each batch makes its own.</summary>
    internal MoveConnections? Connections { get; private init; }

    /// <summary>With connections that the batches share, so that not each has to make its own.</summary>
    /// <param name="access">Adjusts every connection, as for <see cref="BatchMover"/>.</param>
    public static MovePipeline Sharing(ShardAccess access, MoveOptions options, params IEnumerable<Guid> batches) =>
        new(batches) { Connections = new MoveConnections(access, options.StepLimit) };

    /// <summary>Waits for a place; <see cref="Leave"/> gives it back.</summary>
    public Task EnterAsync(CancellationToken cancellation) => _places.WaitAsync(cancellation);

    /// <summary>The batch has been compared, or it has ended. Only the first time counts.</summary>
    public void Leave(Guid batch)
    {
        lock (_notCompared)
        {
            if (!_notCompared.Remove(batch))
                return;
            if (_notCompared.Count == 0)
                _allCompared.TrySetResult();
        }
        _places.Release();
    }

    public async ValueTask DisposeAsync()
    {
        if (Connections is not null)
            await Connections.DisposeAsync();
        Prepare.Dispose();
        Copy.Dispose();
        HandOver.Dispose();
        Compare.Dispose();
        Clean.Dispose();
        _places.Dispose();
    }
}
