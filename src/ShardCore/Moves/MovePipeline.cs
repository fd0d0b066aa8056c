using Npgsql;
using ShardCore.Shards;

namespace ShardCore.Moves;

/// <summary>
/// What batches of one source share when they run side by side: while one is copied the one before is handed over, and those
/// before that are compared and cleaned.
/// </summary>
/// <remarks>
/// Batches of one pipeline have no slot in common, so nothing that makes one of them safe depends on another: each has its
/// own journal row, publication, replication slot, slot locks and import. Freezes of two batches cannot deadlock: each locks
/// in ascending order, as writers do, and their slots are disjoint. The lanes are there for the machine's sake: one copy, one hand-over and one
/// clean-up at a time disturb the foreground least, and at most two replication slots exist at once.
/// </remarks>
public sealed class MovePipeline : IAsyncDisposable
{
    /// <summary>Batches of one source that may be under way at once: those that wait to be compared hold a connection each.</summary>
    public const int MaxBatches = 6;

    /// <summary>Steps 1 to 5.</summary>
    public MoveLane Copy { get; } = new();

    /// <summary>Steps 6 to 10, entered before the first is left.</summary>
    public MoveLane HandOver { get; } = new();

    /// <summary>Steps 12 and 13.</summary>
    public MoveLane CleanUp { get; } = new();

    /// <summary>Connections to the shards; null: each batch makes its own.</summary>
    internal ShardDataSources? Sources { get; private init; }

    /// <summary>With connections that the batches share, so that not each has to make its own.</summary>
    /// <param name="configure">Adjusts every connection, as for <see cref="BatchMover"/>.</param>
    public static MovePipeline Sharing(Action<NpgsqlConnectionStringBuilder> configure, MoveOptions options) => new()
    {
        Sources = new ShardDataSources(settings => MoveEnds.Configure(settings, configure, options.StepLimit)),
    };

    public async ValueTask DisposeAsync()
    {
        if (Sources is not null)
            await Sources.DisposeAsync();
        Copy.Dispose();
        HandOver.Dispose();
        CleanUp.Dispose();
    }
}
