using Dapper;
using Npgsql;
using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardCore.Indexes;
using ShardCore.Migrations;
using ShardCore.Ring;

namespace ShardAdmin.Indexes;

/// <summary>An index that a person wants.</summary>
/// <param name="Fields">JSON (<see cref="IndexField"/>).</param>
internal sealed record WantedIndex(IndexKey Key, string Fields, bool IsUnique)
{
    public static WantedIndex Of(IndexInShard index) => new(index.Key, index.Fields, index.IsUnique);
}

/// <summary>Writes definitions of indexes into the shards, and takes them away. Building is <see cref="IndexWork"/>'s part.</summary>
internal static class IndexDefining
{
    private static readonly string[] Defined = ["created", "existed", "again"];

    /// <summary>
    /// Defines it in all shards. If one of them refuses, those that have defined it just now forget it again, so nothing is left behind.
    /// </summary>
    /// <returns>created · existed · again (a build that had failed is repeated)</returns>
    /// <exception cref="CommandFailedException" />
    public static async Task<string> CreateAsync(
        AdminSession session, ShardRing ring, WantedIndex index, string retry, CancellationToken cancellation)
    {
        // First in one shard, always the same, as routers do: of two different definitions one is refused there, and goes no further.
        var first = ring.Shards.MinBy(shard => shard.Id.Value, StringComparer.Ordinal)!;
        var answers = new Dictionary<ShardId, Answer>(await Reach.AllAsync([first], shard => CreateAsync(session, shard, index, null, cancellation)));
        if (Defined.Contains(answers[first.Id].Word, StringComparer.Ordinal))
            foreach (var (shard, answer) in await Reach.AllAsync(
                [.. ring.Shards.Where(shard => shard != first)],
                shard => CreateAsync(session, shard, index, answers[first.Id].CreatedAt, cancellation)))
                answers.Add(shard, answer);
        if (answers.Values.FirstOrDefault(answer => !Defined.Contains(answer.Word, StringComparer.Ordinal)) is not { } refused)
            return answers.Values.Any(answer => answer.Word == "created") ? "created"
                : answers.Values.Any(answer => answer.Word == "again") ? "again" : "existed";
        foreach (var shard in ring.Shards.Where(shard => answers.GetValueOrDefault(shard.Id)?.Word == "created"))
        {
            await UnwantAsync(session, shard, index.Key, cancellation);
            await TryDropAsync(session, shard, index.Key, cancellation); // if it is in use just now: what is marked is dropped by an agent
        }
        throw Refusal(index.Key, refused, retry);
    }

    /// <returns>False: the shard has no such index.</returns>
    public static async Task<bool> UnwantAsync(AdminSession session, Shard shard, IndexKey key, CancellationToken cancellation)
    {
        await using var connection = await session.Source(shard).OpenAsync(cancellation);
        return await connection.ExecuteScalarAsync<bool>(new CommandDefinition(
            "select sharding.index_unwant(@Collection, @Name, @by)", new { key.Collection, key.Name, by = AdminSession.Who },
            cancellationToken: cancellation));
    }

    /// <summary>Drops an index that is marked, with its definition.</summary>
    /// <returns>False: the table is in use just now.</returns>
    public static async Task<bool> TryDropAsync(AdminSession session, Shard shard, IndexKey key, CancellationToken cancellation)
    {
        await using var connection = await session.Source(shard).OpenAsync(cancellation);
        try
        {
            await connection.ExecuteAsync(new CommandDefinition(
                "select sharding.index_drop(@Collection, @Name, @by)", new { key.Collection, key.Name, by = AdminSession.Who },
                cancellationToken: cancellation));
            return true;
        }
        catch (PostgresException e) when (e.SqlState is PostgresErrorCodes.LockNotAvailable or PostgresErrorCodes.DeadlockDetected)
        {
            return false;
        }
    }

    /// <summary>Requires a login that may be the owner of the schema in every shard.</summary>
    /// <exception cref="CommandFailedException" />
    public static async Task RequireOwnerAsync(AdminSession session, ShardRing ring, string detached, CancellationToken cancellation)
    {
        var answers = await Reach.AllAsync(ring.Shards, async shard =>
        {
            await using var connection = await session.Owners.Of(shard).OpenAsync(cancellation);
            await using var owner = await SchemaOwner.BecomeAsync(connection, cancellation);
            return new Owner(owner.Problem, owner.Name, owner.User);
        });
        if (answers.Values.FirstOrDefault(answer => answer.Problem is not null) is { } refused)
            throw new CommandFailedException(
                ExitCode.Precondition, $"{refused.Problem} Only the owner of a table builds its indexes.",
                $"set SHARDING_OWNER_USER to a member of {refused.Name}, or run it as one, or: grant {refused.Name} to {refused.User}; to "
                + $"leave it to an agent that may: {detached}");
    }

    /// <summary>Defines it in one shard.</summary>
    /// <param name="createdAt">The time of the definition in a shard that has it already; null: this shard is the first one.</param>
    public static async Task<Answer> CreateAsync(
        AdminSession session, Shard shard, WantedIndex index, DateTime? createdAt, CancellationToken cancellation)
    {
        await using var connection = await session.Source(shard).OpenAsync(cancellation);
        try
        {
            var answer = await connection.QuerySingleAsync<(string Outcome, DateTime? CreatedAt)>(new CommandDefinition(
                "select outcome, created_at from sharding.index_create(@Collection, @Name, @Fields::jsonb, @IsUnique, @by, @createdAt)",
                new { index.Key.Collection, index.Key.Name, index.Fields, index.IsUnique, by = AdminSession.Who, createdAt },
                cancellationToken: cancellation));
            return new Answer(answer.Outcome, "", answer.CreatedAt);
        }
        catch (PostgresException e) when (e.SqlState is "SH014" or "SH015")
        {
            return new Answer(e.SqlState, e.MessageText, null);
        }
    }

    private static CommandFailedException Refusal(IndexKey key, Answer refused, string retry) => refused.Word switch
    {
        "SH014" => new CommandFailedException(
            ExitCode.Conflict, $"A unique index can only be made while no slot moves: {refused.Text}.",
            "shardadmin ops list; shardadmin ops resume ID; then the same command again"),
        "SH015" => new CommandFailedException(ExitCode.Conflict, $"No index can be made at this moment: {refused.Text}.", retry),
        "differs" => new CommandFailedException(
            ExitCode.Conflict, $"The collection {key.Collection} has an index {key.Name} already, with other fields or another uniqueness.",
            $"shardadmin indexes list {key.Collection}; then another name, or: shardadmin indexes drop {key.Collection} {key.Name}"),
        "dropping" => new CommandFailedException(
            ExitCode.Conflict, $"The index {key} is being dropped; its name is not free yet.",
            $"shardadmin indexes drop {key.Collection} {key.Name}   (completes it)"),
        "too_many" => new CommandFailedException(
            ExitCode.Precondition, $"The collection {key.Collection} has ten indexes, and that is the most.",
            $"shardadmin indexes list {key.Collection}; then drop one: shardadmin indexes drop {key.Collection} NAME"),
        _ => new CommandFailedException(
            ExitCode.NotFound, $"There is no collection {key.Collection}, or it is being deleted.", "shardadmin collections list"),
    };

    /// <param name="Word">What <c>sharding.index_create</c> returned, or the code of its error.</param>
    /// <param name="CreatedAt">The time of the definition in the shard.</param>
    internal sealed record Answer(string Word, string Text, DateTime? CreatedAt);

    private sealed record Owner(string? Problem, string Name, string User);
}
