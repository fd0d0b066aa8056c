using Npgsql;
using ShardCore.Shards;

namespace ShardCore.Moves.Pipelining;

/// <summary>
/// Shared by the batches of one source that run side by side. While one batch is copied, the next is prepared, the previous one is handed
/// over, and earlier ones are compared. The source's rows are deleted when all batches have been compared.
/// </summary>
/// <remarks>
/// <para>
/// Deleting comes last for two reasons. Every replication slot decodes every deletion. And a shard that has given everything away can be
/// emptied at once (<c>sharding.move_empty</c>). A mover that stops before the deletion leaves batches that are final except for their
/// cleaning, which the next mover does.
/// </para>
/// Batches of one pipeline have no slot in common, so the safety of one does not depend on another: each has its own journal row,
/// publication, replication slot, slot locks and import. Freezes of two batches cannot deadlock: each locks in ascending order, as writers
/// do, and their slots are disjoint. The lanes are there to spare the machine. One copy, one hand-over and one comparison at a time
/// disturb the foreground least, and at most two replication slots exist at once. Deletions come last and alone; two of them use what the
/// others have left free, within the same rate.
/// </remarks>
public sealed class MovePipeline : IAsyncDisposable
{
    /// <summary>
    /// How many batches of one source may be under way at once, from their beginning until they are compared. Each holds connections
    /// during that time.
    /// </summary>
    private const int MaxBatches = 6;

    private readonly SemaphoreSlim _places = new(MaxBatches);
    private readonly HashSet<Guid> _notCompared;
    private readonly TaskCompletionSource _allCompared = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <param name="batches">All batches that will pass through the pipeline.</param>
    public MovePipeline(params IEnumerable<Guid> batches) => _notCompared = [.. batches];

    /// <summary>Steps 1 to 3.</summary>
    public MoveLane Prepare { get; } = new();

    /// <summary>Steps 4 and 5. A batch enters this lane before it leaves <see cref="Prepare"/>.</summary>
    public MoveLane Copy { get; } = new();

    /// <summary>Steps 6 to 10. A batch enters this lane before it leaves <see cref="Copy"/>.</summary>
    public MoveLane HandOver { get; } = new();

    /// <summary>Step 12.</summary>
    public MoveLane Compare { get; } = new();

    /// <summary>Step 13, after all other work.</summary>
    public MoveLane Clean { get; } = new(places: 2);

    /// <summary>Completes when every batch has been compared or has ended before that.</summary>
    internal Task AllCompared
    {
        get
        {
            lock (_notCompared)
                return _notCompared.Count == 0 ? Task.CompletedTask : _allCompared.Task;
        }
    }

    /// <summary>This gate is closed while a batch is handed over.</summary>
    internal HandOverGate Gate { get; } = new();

    /// <summary>Connections to the shards; null: each batch makes its own.</summary>
    internal MoveConnections? Connections { get; private init; }

    /// <summary>Makes a pipeline with connections that its batches share, so that not every batch has to open its own.</summary>
    /// <param name="access">Adjusts every connection, as for <see cref="BatchMover"/>.</param>
    public static MovePipeline Sharing(ShardAccess access, TimeSpan stepLimit, params IEnumerable<Guid> batches) =>
        new(batches) { Connections = new MoveConnections(access, stepLimit) };

    /// <summary>Waits for a place; <see cref="Leave"/> gives it back.</summary>
    public Task EnterAsync(CancellationToken cancellation) => _places.WaitAsync(cancellation);

    /// <summary>Gives back the place of a batch that has been compared or has ended. Only the first call for a batch counts.</summary>
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
