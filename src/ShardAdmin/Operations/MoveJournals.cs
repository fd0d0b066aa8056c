using Npgsql;
using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardAdmin.Output;
using ShardCore.Moves.Journal;
using ShardCore.Ring;

namespace ShardAdmin.Operations;

/// <summary>The journals of all shards, read together.</summary>
internal static class MoveJournals
{
    /// <returns>The unfinished batches, sorted by operation and in the order of its plan.</returns>
    public static async Task<IReadOnlyList<SourcedBatch>> UnfinishedAsync(
        AdminSession session, IReadOnlyCollection<Shard> shards, CancellationToken cancellation)
    {
        var answers = await Reach.AllAsync(shards, shard => ReadAsync(session, shard, cancellation));
        return Sorted(shards.SelectMany(shard => BatchesOf(shard, answers[shard.Id])));
    }

    /// <summary>Reads the journals of the shards that answer. For callers that must go on while a shard is down.</summary>
    /// <returns>The unfinished batches, and the problem of each shard that does not answer.</returns>
    public static async Task<(IReadOnlyList<SourcedBatch> Batches, IReadOnlyList<string> Problems)> ReachableAsync(
        AdminSession session, IReadOnlyCollection<Shard> shards, CancellationToken cancellation)
    {
        var answers = await Reach.TryAllAsync(shards, shard => ReadAsync(session, shard, cancellation));
        return (
            Sorted(shards.SelectMany(shard => BatchesOf(shard, answers[shard.Id].Answer ?? []))),
            [.. answers.Values.Select(answer => answer.Problem?.Message).OfType<string>()]);
    }

    /// <summary>Requires that no unfinished batch has one of the slots: two moves of one slot would be in each other's way.</summary>
    /// <exception cref="CommandFailedException" />
    public static void RequireFree(IReadOnlyList<SourcedBatch> unfinished, IEnumerable<Slot> slots)
    {
        var wanted = slots.ToHashSet();
        if (unfinished.FirstOrDefault(each => each.Batch.Slots.Any(wanted.Contains)) is { } other)
            throw new CommandFailedException(
                ExitCode.Conflict,
                $"Slots {SlotText.Of(other.Batch.Slots.Where(wanted.Contains).Order())} are in operation {other.Batch.OperationId}, "
                + $"which is {StateOf(other)}.",
                $"shardadmin ops resume {other.Batch.OperationId}, or: shardadmin ops cancel {other.Batch.OperationId}");
    }

    /// <summary>
    /// For commands that continue all unfinished operations: they must not continue an operation that a person has stopped on purpose, or
    /// that is disputed.
    /// </summary>
    /// <exception cref="CommandFailedException" />
    public static void RequireNoneStopped(IReadOnlyList<SourcedBatch> unfinished)
    {
        if (unfinished.FirstOrDefault(each => each.Batch.Disputed is not null) is { } disputed)
            throw Disputed($"Batch {disputed.Batch.Id}: {disputed.Batch.Disputed}", disputed.Batch.OperationId);
        if (unfinished.FirstOrDefault(each => each.Wanted != MoveWish.Run) is { } stopped)
            throw new CommandFailedException(
                ExitCode.Conflict, $"Operation {stopped.Batch.OperationId} is {StateOf(stopped)}; this command would continue it.",
                $"shardadmin ops resume {stopped.Batch.OperationId}, or: shardadmin ops cancel {stopped.Batch.OperationId}; "
                + "then the same command again");
    }

    /// <summary>The failure for a disputed batch. Only a person can end the dispute.</summary>
    public static CommandFailedException Disputed(string problem, Guid operation) => new(new Failure(
        ExitCode.Differences, problem,
        "No mover continues this batch, and none of its rows are deleted, until a person has decided which copy is right.",
        $"shardadmin ops settle {operation}"));

    /// <param name="command">The command that was typed, for the history.</param>
    public static async Task AddAsync(
        AdminSession session, IEnumerable<SourcedBatch> batches, string command, CancellationToken cancellation)
    {
        foreach (var same in batches.GroupBy(each => each.Source))
            await Reach.ShardAsync(same.Key, async () =>
            {
                await new MoveJournal(session.Source(same.Key)).AddAsync(
                    same.Select(each => (each.Batch, each.Bytes)), AdminSession.Who, command, cancellation);
                return true;
            });
    }

    /// <returns>How many unfinished batches of the operation now have this wish.</returns>
    public static async Task<long> WishAsync(
        AdminSession session, IReadOnlyCollection<Shard> shards, Guid operation, MoveWish wish, CancellationToken cancellation)
    {
        var answers = await Reach.AllAsync(
            shards, shard => new MoveReports(session.Source(shard)).WishAsync(operation, wish, cancellation));
        return answers.Values.Sum();
    }

    private static string StateOf(SourcedBatch each) => each.Wanted switch
    {
        MoveWish.Pause => "paused",
        MoveWish.Cancel => "being cancelled",
        _ => "not finished",
    };

    private static IEnumerable<SourcedBatch> BatchesOf(Shard shard, IEnumerable<JournalEntry> entries) =>
        entries.Select(entry => new SourcedBatch(shard, entry.Batch, entry.BytesPlanned, entry.Wanted, entry.Unseen, entry.IsHeld));

    private static IReadOnlyList<SourcedBatch> Sorted(IEnumerable<SourcedBatch> batches) =>
        [.. batches.OrderBy(each => each.Batch.OperationId).ThenBy(each => each.Batch.Ordinal)];

    private static async Task<IReadOnlyList<JournalEntry>> ReadAsync(
        AdminSession session, Shard shard, CancellationToken cancellation)
    {
        try
        {
            return await new MoveJournal(session.Source(shard)).EntriesAsync(cancellation);
        }
        catch (PostgresException e) when (e.SqlState is PostgresErrorCodes.UndefinedTable or PostgresErrorCodes.InvalidSchemaName)
        {
            return []; // an older schema has no moves
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.UndefinedColumn)
        {
            throw new CommandFailedException(
                ExitCode.Precondition, $"The schema of shard {shard.Id} is older than this program.", "shardadmin migrate");
        }
    }
}
