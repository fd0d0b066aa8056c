using Npgsql;
using ShardAdmin.Cluster;
using ShardAdmin.CommandLine;
using ShardCore.Moves;
using ShardCore.Ring;

namespace ShardAdmin.Rebalancing;

/// <summary>The journals of all shards, read together.</summary>
internal static class MoveJournals
{
    /// <returns>What is not finished, by operation and in the order of its plan.</returns>
    public static async Task<IReadOnlyList<SourcedBatch>> UnfinishedAsync(AdminSession session, IReadOnlyCollection<Shard> shards, CancellationToken cancellation)
    {
        var answers = await Reach.AllAsync(shards, shard => ReadAsync(session.Source(shard), cancellation));
        return [.. shards.SelectMany(shard => answers[shard.Id].Select(batch => new SourcedBatch(shard, batch)))
            .OrderBy(each => each.Batch.OperationId).ThenBy(each => each.Batch.Ordinal)];
    }

    /// <summary>Two moves of one slot would be in each other's way.</summary>
    /// <exception cref="CommandFailedException" />
    public static void RequireFree(IReadOnlyList<SourcedBatch> unfinished, IEnumerable<Slot> slots)
    {
        var wanted = slots.ToHashSet();
        if (unfinished.FirstOrDefault(each => each.Batch.Slots.Any(wanted.Contains)) is { } other)
            throw new CommandFailedException(
                ExitCode.Conflict, $"Slots {Output.SlotText.Of(other.Batch.Slots.Where(wanted.Contains).Order())} are in operation {other.Batch.OperationId}, which is not finished.",
                $"shardadmin ops resume {other.Batch.OperationId}, or: shardadmin ops cancel {other.Batch.OperationId}");
    }

    public static async Task AddAsync(AdminSession session, IEnumerable<SourcedBatch> batches, CancellationToken cancellation)
    {
        foreach (var same in batches.GroupBy(each => each.Source))
            await Reach.ShardAsync(same.Key, async () =>
            {
                await new MoveJournal(session.Source(same.Key)).AddAsync(same.Select(each => each.Batch), AdminSession.Who, cancellation);
                return true;
            });
    }

    private static async Task<IReadOnlyList<MoveBatch>> ReadAsync(NpgsqlDataSource source, CancellationToken cancellation)
    {
        try
        {
            return await new MoveJournal(source).UnfinishedAsync(cancellation);
        }
        catch (PostgresException e) when (e.SqlState is PostgresErrorCodes.UndefinedTable or PostgresErrorCodes.InvalidSchemaName)
        {
            return []; // an older schema cannot have moves
        }
    }
}
