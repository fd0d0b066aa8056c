using Npgsql;
using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardCore.Access;
using ShardCore.Ring;

namespace ShardAdmin.Keys;

/// <summary>What the shards that answer know of API keys.</summary>
/// <param name="ByShard">What each has.</param>
/// <param name="Dead">Those that do not answer.</param>
internal sealed record KeySurvey(
    IReadOnlyDictionary<ShardId, IReadOnlyList<ApiKey>> ByShard, IReadOnlyDictionary<ShardId, ShardUnreachableException> Dead)
{
    /// <summary>What they know together, by id.</summary>
    public IReadOnlyDictionary<string, ApiKey> Keys { get; } = ApiKey.MergeAll(ByShard.Values);

    /// <summary>
    /// A shard whose table somebody holds for longer counts as one that does not answer: the others must hear of a revocation.
    /// </summary>
    public static readonly TimeSpan LockLimit = TimeSpan.FromSeconds(2);

    /// <exception cref="ShardUnreachableException">No shard answers.</exception>
    public static async Task<KeySurvey> ReadAsync(AdminSession session, IReadOnlyCollection<Shard> shards, CancellationToken cancellation)
    {
        var answers = await Reach.TryAllAsync(
            shards, shard => AskAsync(shard, () => ApiKeyStore.ListAsync(session.Source(shard), LockLimit, cancellation)));
        var dead = answers.Where(answer => answer.Value.Problem is not null)
            .ToDictionary(answer => answer.Key, answer => answer.Value.Problem!);
        if (dead.Count == answers.Count && dead.Count > 0)
            throw new ShardUnreachableException(
                string.Join(" ", dead.Values.Select(problem => problem.Message)), dead.Values.First().Next, dead.Values.First());
        return new KeySurvey(
            answers.Where(answer => answer.Value.Problem is null).ToDictionary(answer => answer.Key, answer => answer.Value.Answer!), dead);
    }

    /// <summary>
    /// A shard that answers with an error, for instance because it was restored from before there were keys, must not stop the others from
    /// hearing of a revocation. So it counts as one that does not answer.
    /// </summary>
    public static async Task<T> AskAsync<T>(Shard shard, Func<Task<T>> call)
    {
        try
        {
            return await call();
        }
        catch (PostgresException e) when (!Reach.IsUnreachable(e))
        {
            throw new ShardUnreachableException($"Shard {shard.Id} cannot be asked for its API keys: {e.MessageText}.", "shardadmin doctor", e);
        }
    }

    /// <summary>The key that an argument means: its id, or the beginning of it that no other key has.</summary>
    /// <exception cref="CommandFailedException">There is none, or more than one.</exception>
    public ApiKey Require(string id)
    {
        ApiKey[] found = [.. Keys.Values.Where(key => key.Id.StartsWith(id, StringComparison.Ordinal))];
        return found switch
        {
            [var only] => only,
            [] when Dead.Count > 0 => throw new CommandFailedException(
                ExitCode.CannotReach,
                $"No shard that answers knows an API key {id}, and {string.Join(", ", Dead.Keys)} cannot be asked.", Dead.Values.First().Next),
            [] => throw new CommandFailedException(ExitCode.NotFound, $"There is no API key {id}.", "shardadmin keys list --all"),
            _ => throw new CommandFailedException(
                ExitCode.Conflict,
                $"{found.Length} API keys begin with {id}: {string.Join(", ", found.Select(key => $"{key.Id} ({key.Name})"))}.",
                "the same command with more of the id"),
        };
    }

    /// <summary>The keys of which a shard does not know all that the others know. The last use does not count.</summary>
    public IEnumerable<ApiKey> LackedBy(ShardId shard)
    {
        var rows = ByShard[shard].ToDictionary(key => key.Id, StringComparer.Ordinal);
        return Keys.Values.Where(key => !rows.TryGetValue(key.Id, out var row) || !row.EndsLike(key));
    }
}
