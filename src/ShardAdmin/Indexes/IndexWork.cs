using Dapper;
using Npgsql;
using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardCore.Indexes;
using ShardCore.Migrations;
using ShardCore.Ring;

namespace ShardAdmin.Indexes;

/// <summary>Does once, in all shards, what is to be done about an index. Commands and agents call it until nothing is left.</summary>
/// <remarks>
/// Any number of processes may do this at the same time: each step looks first, changes a definition only from the state that it saw, and
/// what it does in Postgres is under the lock of the collection's indexes.
///
/// A build that fails in one shard is given up in three steps: the problem is noted in all shards, which ends the other builds; what was
/// built is dropped in all shards; then all are "failed". Only then may slots move again (SH014 in <c>sharding.move_add</c>), because a
/// shard that kept a unique index alone would refuse rows.
/// </remarks>
internal sealed class IndexWork(AdminSession session, ShardRing ring)
{
    /// <summary>How often one call tries to drop in a shard where the table is in use.</summary>
    private const int DropTries = 10;

    private static readonly TimeSpan DropPause = TimeSpan.FromMilliseconds(300);

    private const string StateSql = """
        update sharding.item_index set state = @to, progress = case @to when 'ready' then 1 else 0 end, problem = null
        where collection = @Collection and name = @Name and state = any(@from)
        """;

    private const string ProblemSql = """
        update sharding.item_index set problem = @problem
        where collection = @Collection and name = @Name and state in ('building', 'built', 'ready') and problem is null
        """;

    private const string FailedSql = """
        update sharding.item_index set state = 'failed', progress = 0, problem = coalesce(problem, @problem)
        where collection = @Collection and name = @Name and state in ('building', 'built', 'ready')
        """;

    public async Task<IndexStep> RunAsync(IndexKey key, IndexDisplay display, CancellationToken cancellation)
    {
        var sight = await IndexSurvey.ReadAsync(session, ring.Shards, key, cancellation);
        return IndexRules.Decide(sight) switch
        {
            IndexTask.Build => await BuildAsync(sight, display, cancellation),
            IndexTask.GiveUp => await GiveUpAsync(sight, sight.Problem!, cancellation),
            IndexTask.Drop => await DropAsync(sight, cancellation),
            IndexTask.Quit => await QuitAsync(sight, cancellation),
            IndexTask.Differs => new IndexStep(
                IndexEnd.Stuck,
                $"The shards have different definitions of the index {key}: "
                + $"{string.Join("; ", sight.Known.Select(Describe).Distinct(StringComparer.Ordinal))}. "
                + $"'shardadmin indexes drop {key.Collection} {key.Name}' drops both; then define it anew."),
            _ when !sight.IsComplete => Silent(sight),
            _ when !sight.Known.Any() || sight.Known.Any(each => !each.IsWanted) => new IndexStep(IndexEnd.Gone),
            _ => new IndexStep(sight.State switch
            {
                "ready" => IndexEnd.Ready,
                "failed" => IndexEnd.Failed,
                _ => IndexEnd.Again, // somebody is defining it at this moment
            }, sight.Problem),
        };
    }

    private async Task<IndexStep> BuildAsync(IndexSight sight, IndexDisplay display, CancellationToken cancellation)
    {
        var key = sight.Key;
        var model = sight.Known.First();
        var failed = sight.Shards.Where(each => each.Value is { State: "failed" }).Select(each => each.Key);
        foreach (var shard in IndexRules.Missing(sight).Concat(failed))
            switch (await InShardAsync(shard, each => DefineAsync(each, sight, model, cancellation)))
            {
                case null:
                    return new IndexStep(IndexEnd.Again, $"Shard {shard} has an earlier index {key}, whose table is in use.");
                case { Word: "too_many" }:
                    return new IndexStep(
                        IndexEnd.Stuck,
                        $"Shard {shard} lacks the index {key}, and has ten others of the collection {key.Collection}, which is the most.");
                case { Word: "SH014" or "SH015" } answer:
                    return new IndexStep(
                        IndexEnd.Again, $"Not every shard has the definition of the index {key}, and now is not the time: {answer.Text}.");
            }
        foreach (var (shard, index) in sight.Shards)
            if (index is { State: "built" or "ready", IsValid: false })
                await InShardAsync(shard, each => ChangeAsync(each, key, "building", [index.State], cancellation));
            else if (index is not null)
                display.Show(shard, index.State is "building" or "failed" ? index.Progress : 1, null);

        using var first = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var results = await Task.WhenAll(sight.Shards.Where(each => each.Value is not { State: "built" or "ready", IsValid: true })
            .Select(each => BuildAsync(each.Key, key, display, first)));
        cancellation.ThrowIfCancellationRequested();
        if (results.FirstOrDefault(each => each.Kind == ShardBuild.Failed) is { Problem: { } problem })
            return await GiveUpAsync(await IndexSurvey.ReadAsync(session, ring.Shards, key, cancellation), problem, cancellation);
        if (results.FirstOrDefault(each => each.Kind == ShardBuild.NotAllowed) is { } refused)
            return new IndexStep(IndexEnd.NotAllowed, refused.Problem);
        if (results.FirstOrDefault(each => each.Kind is ShardBuild.Again or ShardBuild.Silent) is { } again)
            return new IndexStep(IndexEnd.Again, again.Problem, again.Kind == ShardBuild.Silent);
        return await ReadyAsync(key, cancellation);
    }

    private async Task<ShardBuildResult> BuildAsync(ShardId shard, IndexKey key, IndexDisplay display, CancellationTokenSource first)
    {
        try
        {
            var result = await new ShardIndexBuild(session, ring.Find(shard)!, display).RunAsync(key, first.Token);
            if (result.Kind == ShardBuild.Failed)
                await first.CancelAsync(); // the others would be dropped again
            return result;
        }
        catch (Exception) when (first.IsCancellationRequested)
        {
            return ShardBuildResult.Unwanted;
        }
    }

    /// <summary>Says that it is ready, if all shards of the ring have it whole.</summary>
    private async Task<IndexStep> ReadyAsync(IndexKey key, CancellationToken cancellation)
    {
        var sight = await IndexSurvey.ReadAsync(session, ring.Shards, key, cancellation);
        if (!sight.IsComplete)
            return Silent(sight);
        if (!sight.Shards.Values.All(each => each is { State: "built" or "ready", IsValid: true, Problem: null, IsWanted: true }))
            return new IndexStep(IndexEnd.Again);
        await session.Failpoint.ReachedAsync("index-ready", cancellation);
        foreach (var shard in ring.Shards)
            await InShardAsync(shard.Id, each => ChangeAsync(each, key, "ready", ["built"], cancellation));
        return new IndexStep(IndexEnd.Ready);
    }

    private async Task<IndexStep> GiveUpAsync(IndexSight sight, string problem, CancellationToken cancellation)
    {
        var key = sight.Key;
        var answering = ring.Shards.Where(shard => sight.Shards.ContainsKey(shard.Id)).ToArray();
        await Reach.AllAsync(answering, shard => ExecuteAsync(shard, ProblemSql, new { problem, key.Collection, key.Name }, cancellation));
        await session.Failpoint.ReachedAsync("index-given-up", cancellation);
        if (!sight.IsComplete)
            return Silent(sight, $"{problem} What was built of it is dropped when all shards answer. ");
        var dropped = await Reach.AllAsync(answering, async shard =>
            sight.Shards[shard.Id] is not { } index || await DropRelationsAsync(shard, index, cancellation));
        if (dropped.Values.Contains(false))
            return new IndexStep(IndexEnd.Again, $"{problem} What was built of it is not dropped yet: the table is in use.");
        await Reach.AllAsync(answering, shard => ExecuteAsync(shard, FailedSql, new { problem, key.Collection, key.Name }, cancellation));
        return new IndexStep(IndexEnd.Failed, problem);
    }

    /// <summary>First marks it in all shards, then drops it in all, see <see cref="IndexRules"/>.</summary>
    private async Task<IndexStep> DropAsync(IndexSight sight, CancellationToken cancellation)
    {
        var answering = ring.Shards.Where(shard => sight.Shards.ContainsKey(shard.Id)).ToArray();
        await Reach.AllAsync(answering, shard => IndexDefining.UnwantAsync(session, shard, sight.Key, cancellation));
        await session.Failpoint.ReachedAsync("index-unwanted", cancellation);
        if (!sight.IsComplete)
            return Silent(sight, "It is dropped when all shards answer. ");
        var dropped = await Reach.AllAsync(answering, shard => DropAsync(shard, sight.Shards[shard.Id], sight.Key, cancellation));
        var inUse = dropped.Where(each => !each.Value).Select(each => each.Key).ToArray();
        return inUse.Length > 0
            ? new IndexStep(IndexEnd.Again, $"In shard {string.Join(", ", inUse)} the table is in use.")
            : new IndexStep(IndexEnd.Gone);
    }

    /// <returns>False: the table was in use all the time.</returns>
    private async Task<bool> DropAsync(Shard shard, IndexInShard? index, IndexKey key, CancellationToken cancellation)
    {
        if (index is not null && !await DropRelationsAsync(shard, index, cancellation))
            return false;
        for (var tries = 0; ; tries++)
        {
            if (await IndexDefining.TryDropAsync(session, shard, key, cancellation))
                return true;
            if (tries == DropTries)
                return false;
            await Task.Delay(DropPause, cancellation);
        }
    }

    /// <summary>Drops what Postgres has of it. The definition stays. Who builds it at this moment ends, or is ended.</summary>
    /// <returns>False: the table was in use all the time.</returns>
    private async Task<bool> DropRelationsAsync(Shard shard, IndexInShard index, CancellationToken cancellation)
    {
        for (var tries = 0; ; tries++)
        {
            if (await TryDropRelationsAsync(shard, index, cancellation))
                return true;
            if (tries == DropTries)
                return false;
            if (tries == DropTries / 2) // it has had time to end by itself: its process is gone, or hangs
                await EndBuilderAsync(shard, index.Collection, cancellation);
            await Task.Delay(DropPause, cancellation);
        }
    }

    private async Task<bool> TryDropRelationsAsync(Shard shard, IndexInShard index, CancellationToken cancellation)
    {
        await using var connection = await session.Owners.Of(shard).OpenAsync(cancellation);
        await using var held = await IndexLock.TryTakeAsync(connection, index.Collection, cancellation);
        if (held is null)
            return false;
        await using var owner = await SchemaOwner.BecomeAsync(connection, cancellation);
        try
        {
            if (owner.Problem is null)
                await ShardIndexBuild.DropRelationsAsync(connection, index.Relation, cancellation);
            else
                await connection.ExecuteAsync(new CommandDefinition(
                    "select sharding.drop_index_relations(@Collection, @Name)", new { index.Collection, index.Name },
                    cancellationToken: cancellation));
            return true;
        }
        catch (PostgresException e) when (
            !cancellation.IsCancellationRequested && e.SqlState
                is PostgresErrorCodes.LockNotAvailable or PostgresErrorCodes.DeadlockDetected or PostgresErrorCodes.QueryCanceled)
        {
            return false;
        }
    }

    private async Task<IndexStep> QuitAsync(IndexSight sight, CancellationToken cancellation)
    {
        foreach (var (shard, index) in sight.Shards)
            if (index is { IsHeld: true })
                await EndBuilderAsync(ring.Find(shard)!, index.Collection, cancellation);
        return new IndexStep(IndexEnd.Again);
    }

    /// <summary>
    /// Ends the statement of whoever builds there; who drops there goes on. A login may end only its own, unless it has pg_signal_backend.
    /// </summary>
    private async Task EndBuilderAsync(Shard shard, string collection, CancellationToken cancellation)
    {
        await using var connection = await session.Owners.Of(shard).OpenAsync(cancellation);
        try
        {
            await connection.ExecuteAsync(new CommandDefinition(
                $"""
                select pg_cancel_backend(h.pid) from ({IndexLock.HoldersSql("@collection")}) h
                where h.pid in (select pid from pg_stat_progress_create_index)
                """,
                new { collection }, cancellationToken: cancellation));
        }
        catch (PostgresException e) when (IndexProblems.IsNotAllowed(e))
        {
            // It ends by itself, after some time.
        }
    }

    /// <summary>Defines the index in a shard. An earlier index of that name is dropped there first.</summary>
    /// <returns>Null: its table is in use all the time, so the earlier one is still there.</returns>
    private async Task<IndexDefining.Answer?> DefineAsync(Shard shard, IndexSight sight, IndexInShard model, CancellationToken cancellation)
    {
        if (sight.Stale.GetValueOrDefault(shard.Id) is { } stale && (stale.Fields != model.Fields || stale.IsUnique != model.IsUnique))
        {
            await IndexDefining.UnwantAsync(session, shard, sight.Key, cancellation);
            if (!await DropAsync(shard, stale, sight.Key, cancellation))
                return null;
        }
        return await IndexDefining.CreateAsync(session, shard, WantedIndex.Of(model), model.CreatedAt, cancellation);
    }

    private Task<int> ChangeAsync(Shard shard, IndexKey key, string to, string[] from, CancellationToken cancellation) =>
        ExecuteAsync(shard, StateSql, new { to, from, key.Collection, key.Name }, cancellation);

    private async Task<int> ExecuteAsync(Shard shard, string sql, object parameters, CancellationToken cancellation)
    {
        await using var connection = await session.Source(shard).OpenAsync(cancellation);
        return await connection.ExecuteAsync(new CommandDefinition(sql, parameters, cancellationToken: cancellation));
    }

    private Task<T> InShardAsync<T>(ShardId id, Func<Shard, Task<T>> call)
    {
        var shard = ring.Find(id)!;
        return Reach.ShardAsync(shard, () => call(shard));
    }

    private static IndexStep Silent(IndexSight sight, string before = "") =>
        new(IndexEnd.Again, before + string.Join(" ", sight.Silent), IsSilent: true);

    private static string Describe(IndexInShard index) =>
        $"{string.Join(" ", IndexField.Read(index.Fields).Select(field => field.ToString()))}{(index.IsUnique ? " unique" : "")}";
}
