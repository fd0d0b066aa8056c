using System.Diagnostics;
using Npgsql;
using ShardCore.Ring;
using ShardRouter.Consistency;
using ShardRouter.Items;
using ShardRouter.Keys;
using ShardRouter.Outcomes;
using ShardRouter.Routing;
using ShardRouter.Shards;

namespace ShardRouter.Partitions;

/// <summary>Deletes all items that a collection has in one partition.</summary>
/// <remarks>
/// It goes through the ids in their order, in steps: read the next ids, then delete these items in one transaction, by the same function as
/// every other delete. So the fence holds in each step, a hand-over waits for one step at most, and the work may stop after any of them: it
/// is done when a pass comes to the end. An item that somebody writes behind the place that has been reached stays.
/// </remarks>
internal sealed class PartitionDeletion(SlotDispatch dispatch, ItemWriter writer)
{
    private const int ItemsOfStep = 200;

    private static string IdsSql(string table) => $"""
        select o.state, o.peer, o.epoch, i.id
        from sharding.slot_ownership o
        left join lateral (
            select i.id from {table} i
            where i.slot = $1 and i.collection = $2 and i.pk = $3 and i.id > $4 and (i.expires_at is null or i.expires_at > clock_timestamp())
            order by i.id limit $5
        ) i on o.state in ('owned', 'frozen')
        where o.slot = $1
        """;

    /// <param name="partition">Collection and key; the id is not used.</param>
    /// <param name="session">The session of the request, or null.</param>
    /// <param name="limit">After that time no further step begins.</param>
    /// <param name="deadline">Cancelled when the request's time is over.</param>
    /// <exception cref="Refusals.ProblemException">session-lost.</exception>
    public async Task<DeletedPartition> DeleteAsync(ItemKey partition, RequestSession? session, TimeSpan limit, CancellationToken deadline)
    {
        var startedAt = Stopwatch.GetTimestamp();
        var result = new DeletedPartition(0, IsDone: false, null, default);
        for (var after = ""; ;)
        {
            var ids = await dispatch.RunOneAsync(
                after, partition.Slot, writes: false,
                async (pool, behind, stop) =>
                {
                    if (session is not null)
                        await VisibleCheck.RequireAsync(pool, session, [partition.Slot], stop);
                    return await pool.RunAsync("delete-partition", writes: false, call => ReadIdsAsync(call, partition, behind), stop);
                },
                deadline);
            result = result with { Failure = ids.Failure, Shard = ids.Shard };
            if (ids.Failure is not null)
                return result;
            if (ids.Value!.Count > 0)
                result = await DeleteAsync(partition, ids.Value, session, result, deadline);
            if (result.Failure is not null || result.HasNoCollection)
                return result;
            if (ids.Value.Count < ItemsOfStep)
                return result with { IsDone = true };
            if (Stopwatch.GetElapsedTime(startedAt) > limit)
                return result;
            after = ids.Value[^1];
        }
    }

    private async Task<DeletedPartition> DeleteAsync(
        ItemKey partition, List<string> ids, RequestSession? session, DeletedPartition before, CancellationToken deadline)
    {
        var answers = await writer.WriteAsync(
            ids.ConvertAll(id => new WriteOperation(WriteKind.Delete, partition with { Id = id }, Session: session)), deadline);
        return before with
        {
            Items = before.Items + answers.Count(answer => answer.Value?.Outcome == WriteOutcome.Deleted),
            Failure = answers[0].Failure, // all are of one slot, so of one statement
            Shard = answers[0].Shard,
            HasNoCollection = answers[0].Value?.Outcome == WriteOutcome.NoCollection,
        };
    }

    private static Task<Fenced<List<string>>> ReadIdsAsync(ShardCall call, ItemKey partition, string after) =>
        CollectionSql.ReadAsync(call.Session, partition.Collection, table => ReadIdsAsync(call, table, partition, after));

    private static async Task<Fenced<List<string>>> ReadIdsAsync(ShardCall call, string table, ItemKey partition, string after)
    {
        await using var command = new NpgsqlCommand(IdsSql(table), call.Connection)
        {
            Parameters =
            {
                new NpgsqlParameter<short> { TypedValue = (short)partition.Slot.Value },
                new NpgsqlParameter<string> { TypedValue = partition.Collection },
                new NpgsqlParameter<string> { TypedValue = partition.PartitionKey },
                new NpgsqlParameter<string> { TypedValue = after },
                new NpgsqlParameter<int> { TypedValue = ItemsOfStep },
            },
        };
        var ids = new List<string>();
        await using var reader = await command.ExecuteReaderAsync(CancellationToken.None);
        if (!await reader.ReadAsync(CancellationToken.None))
            return Fenced<List<string>>.Refused(new FenceRefusal(null, null, null));
        var state = reader.GetString(0);
        if (!FenceRefusal.Allows(state, writes: false))
            return Fenced<List<string>>.Refused(new FenceRefusal(state, reader.IsDBNull(1) ? null : reader.GetString(1), reader.GetInt64(2)));
        do
        {
            if (!reader.IsDBNull(3))
                ids.Add(reader.GetString(3));
        }
        while (await reader.ReadAsync(CancellationToken.None));
        return Fenced<List<string>>.Answer(ids);
    }
}

/// <param name="Items">How many items were deleted for certain.</param>
/// <param name="IsDone">Nothing is left.</param>
/// <param name="Failure">Why it ended before.</param>
/// <param name="Shard">Which shard answered last.</param>
internal sealed record DeletedPartition(long Items, bool IsDone, ShardFailure? Failure, ShardId Shard)
{
    public bool HasNoCollection { get; init; }
}
