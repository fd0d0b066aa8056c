using Dapper;
using Npgsql;
using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardCore.Collections;
using ShardCore.Indexes;
using ShardCore.Migrations;
using ShardCore.Ring;
using ShardCore.Shards;

namespace ShardAdmin.Indexes;

/// <summary>Builds one index in one shard, beside everything else that goes on there.</summary>
/// <remarks>
/// <para>Steps: 1 take the lock of the collection's indexes in this shard · 2 become the owner of the schema · 3 read the definition;
/// only "building" without a problem goes on · 4 for each statement of <c>sharding.index_statements</c>, the unique index first: drop what a
/// build that was broken off has left, and build · 5 take statistics of the expressions · 6 note that it is built here.</para>
/// <para>Definitions go only under the same lock (<c>sharding.index_drop</c>), so the definition of step 3 holds until the lock is given
/// back. A person or a router can mark it "dropping" at any time, another shard can fail, and the collection can be marked as deleted: a
/// second connection looks every second, and ends the statement then.</para>
/// <para>CREATE INDEX CONCURRENTLY waits for all transactions that are older, once before each of its two scans and once at its end. The copy
/// of a move from this shard is one transaction, so an index takes at least as long as a copy that is under way; nobody else waits. Limits
/// for statements and locks are off (<see cref="SessionSettings"/>).</para>
/// <para>A crash after any step leaves a definition that is "building", and perhaps an index that is not valid, or a statement that goes on
/// in the server without us and keeps the lock (<see cref="IndexLock"/>). Whoever looks next goes on from there. A standby that takes over
/// has the index whole, not valid, or not at all; the definition may be an older one too. The next look sees which.</para>
/// </remarks>
internal sealed class ShardIndexBuild(AdminSession session, Shard shard, IndexDisplay display)
{
    private static readonly TimeSpan LookInterval = TimeSpan.FromSeconds(1);

    private const string RelationsSql = """
        select c.relname::text as Name, x.indisvalid as IsValid from pg_class c join pg_index x on x.indexrelid = c.oid
        where c.relnamespace = 'sharding_items'::regnamespace and c.relname in (@relation, @relation || '.u')
        """;

    private const string BuiltSql = """
        update sharding.item_index set state = 'built', progress = 1
        where collection = @Collection and name = @Name and state = 'building' and problem is null
        """;

    public async Task<ShardBuildResult> RunAsync(IndexKey key, CancellationToken cancellation)
    {
        IndexInShard? index = null;
        try
        {
            await using var connection = await session.Owners.Of(shard).OpenAsync(cancellation);
            await using var held = await IndexLock.TryTakeAsync(connection, key.Collection, cancellation); // 1
            if (held is null)
                return await WatchOtherAsync(key, cancellation);
            await using var owner = await SchemaOwner.BecomeAsync(connection, cancellation); // 2
            if (owner.Problem is { } problem)
                return new ShardBuildResult(ShardBuild.NotAllowed, problem);
            index = await IndexSurvey.FindAsync(session, shard, key, cancellation); // 3
            if (index is not { State: "building", Problem: null, IsWanted: true })
                return index is { State: "built" or "ready", IsValid: true } ? ShardBuildResult.Done : ShardBuildResult.Unwanted;
            await session.Failpoint.ReachedAsync("index-building", cancellation);
            await BuildWhileWantedAsync(connection, index, cancellation); // 4, 5
            await session.Failpoint.ReachedAsync("index-built", cancellation);
            await NoteBuiltAsync(key, cancellation); // 6
            display.Show(shard.Id, 1, null);
            return ShardBuildResult.Done;
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return ShardBuildResult.Unwanted;
        }
        catch (PostgresException e) when (IndexProblems.IsNotAllowed(e))
        {
            return new ShardBuildResult(ShardBuild.NotAllowed, $"Shard {shard.Id}: {e.MessageText}.");
        }
        catch (PostgresException e) when (!cancellation.IsCancellationRequested && !IndexProblems.IsPassing(e))
        {
            return new ShardBuildResult(
                ShardBuild.Failed, IndexProblems.Of(e, shard.Id, index is null ? 1 : IndexField.Read(index.Fields).Count));
        }
        catch (Exception e) when (!cancellation.IsCancellationRequested && IndexProblems.IsPassing(e))
        {
            return new ShardBuildResult(
                e is PostgresException postgres && !Reach.IsUnreachable(postgres) ? ShardBuild.Again : ShardBuild.Silent,
                $"Shard {shard.Id}: {e.Message.TrimEnd('.')}.");
        }
    }

    private async Task BuildWhileWantedAsync(NpgsqlConnection connection, IndexInShard index, CancellationToken cancellation)
    {
        using var unwanted = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var watching = WatchAsync(index, unwanted, over.Token);
        try
        {
            await BuildAsync(connection, index, unwanted.Token);
        }
        finally
        {
            await over.CancelAsync();
            await watching.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private static async Task BuildAsync(NpgsqlConnection connection, IndexInShard index, CancellationToken cancellation)
    {
        string[] statements = [.. await connection.QueryAsync<string>(new CommandDefinition(
            "select sharding.index_statements(@Collection, @Name, true)", new { index.Collection, index.Name },
            cancellationToken: cancellation))];
        string[] names = [index.Relation, index.Relation + ".u"];
        var there = (await RelationsAsync(connection, index.Relation, cancellation))
            .ToDictionary(each => each.Name, each => each.IsValid, StringComparer.Ordinal);
        for (var i = statements.Length - 1; i >= 0; i--) // the unique one first: if it cannot be, the other is not built in vain
        {
            if (there.TryGetValue(names[i], out var isValid) && isValid)
                continue;
            if (there.ContainsKey(names[i]))
                await ExecuteAsync(connection, DropSql(names[i]), cancellation);
            await ExecuteAsync(connection, statements[i], cancellation);
        }
        await ExecuteAsync(connection, $"analyze {ItemPartitions.NameOf(index.Collection)}", cancellation);
    }

    /// <summary>Looks every second whether the index is still wanted, and notes how far it is. If it is not, the build is cancelled.</summary>
    private async Task WatchAsync(IndexInShard index, CancellationTokenSource unwanted, CancellationToken over)
    {
        while (true)
        {
            await Task.Delay(LookInterval, over);
            try
            {
                var now = await IndexSurvey.FindAsync(session, shard, index.Key, over);
                if (now is not { State: "building", Problem: null, IsWanted: true })
                {
                    await unwanted.CancelAsync();
                    return;
                }
                if (await IndexProgress.NoteAsync(session, shard, index, over) is { } seen)
                    display.Show(shard.Id, seen.Share, seen.Phase);
            }
            catch (Exception e) when (!over.IsCancellationRequested && IndexProblems.IsPassing(e))
            {
                // The next look may be luckier; the build itself tells what is wrong with the shard.
            }
        }
    }

    /// <summary>Somebody else builds an index of this collection here. Notes how far it is, because perhaps its process is gone.</summary>
    private async Task<ShardBuildResult> WatchOtherAsync(IndexKey key, CancellationToken cancellation)
    {
        if (await IndexSurvey.FindAsync(session, shard, key, cancellation) is { } index)
        {
            var seen = await IndexProgress.NoteAsync(session, shard, index, cancellation);
            display.Show(shard.Id, seen?.Share ?? index.Progress, seen?.Phase ?? "another process builds");
        }
        return new ShardBuildResult(
            ShardBuild.Again, $"Another process builds an index of the collection {key.Collection} in shard {shard.Id}.");
    }

    /// <summary>Drops what there is of an index without disturbing anybody. It needs the lock, and the role of the owner.</summary>
    public static async Task DropRelationsAsync(NpgsqlConnection connection, string relation, CancellationToken cancellation)
    {
        foreach (var (name, _) in await RelationsAsync(connection, relation, cancellation))
            await ExecuteAsync(connection, DropSql(name), cancellation);
    }

    private static async Task<IReadOnlyList<Relation>> RelationsAsync(
        NpgsqlConnection connection, string relation, CancellationToken cancellation) =>
        [.. await connection.QueryAsync<Relation>(new CommandDefinition(RelationsSql, new { relation }, cancellationToken: cancellation))];

    private static string DropSql(string relation) => $"drop index concurrently if exists {ItemPartitions.NameOf(relation)}";

    private static Task<int> ExecuteAsync(NpgsqlConnection connection, string sql, CancellationToken cancellation) =>
        connection.ExecuteAsync(new CommandDefinition(sql, commandTimeout: 0, cancellationToken: cancellation));

    private async Task NoteBuiltAsync(IndexKey key, CancellationToken cancellation)
    {
        await using var connection = await session.Source(shard).OpenAsync(cancellation);
        await connection.ExecuteAsync(new CommandDefinition(BuiltSql, new { key.Collection, key.Name }, cancellationToken: cancellation));
    }

    private sealed record Relation(string Name, bool IsValid);
}

/// <param name="Problem">A sentence; null: there is none.</param>
internal sealed record ShardBuildResult(ShardBuild Kind, string? Problem = null)
{
    public static ShardBuildResult Done { get; } = new(ShardBuild.Done);

    public static ShardBuildResult Unwanted { get; } = new(ShardBuild.Unwanted);
}

internal enum ShardBuild
{
    Done,

    /// <summary>It is to be dropped, another shard failed, or its collection is being deleted.</summary>
    Unwanted,

    /// <summary>Not now: another process builds there, or somebody ended the statement.</summary>
    Again,

    /// <summary>The shard went away.</summary>
    Silent,

    /// <summary>It cannot be built.</summary>
    Failed,

    /// <summary>This login may not be the owner of the schema.</summary>
    NotAllowed,
}
