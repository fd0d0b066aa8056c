using System.Net.Sockets;
using Npgsql;
using ShardCore.Ring;
using ShardCore.Sessions;
using ShardCore.Shards;

namespace ShardAdmin.Failures;

/// <summary>Calls shards. All errors that mean "it does not answer" become one exception with the shard's name and address.</summary>
internal static class Reach
{
    /// <summary>The advice for a server that runs but accepts no connection.</summary>
    public const string FreeConnections = "free connections there (docs/operations/runbook.md, \"A shard has no connection left\")";

    /// <summary>The advice for a server whose commits are not confirmed.</summary>
    public const string AwaitStandby = "see to its synchronous standby (docs/operations/runbook.md, \"Commits are not confirmed\")";

    /// <exception cref="ShardUnreachableException" />
    public static Task<T> ShardAsync<T>(Shard shard, Func<Task<T>> call) => AddressAsync($"Shard {shard.Id} at {shard.Address}", call);

    /// <exception cref="ShardUnreachableException" />
    public static async Task<T> AddressAsync<T>(string what, Func<Task<T>> call)
    {
        try
        {
            return await call();
        }
        catch (CommitNotConfirmedException e)
        {
            throw new ShardUnreachableException(
                $"{what} has changed something, but the change may be lost again. {e.Message.TrimEnd('.')}.",
                AwaitStandby + ", then the same command again", e);
        }
        catch (Exception e) when (IsUnreachable(e))
        {
            throw new ShardUnreachableException($"{what} cannot be reached: {Reason(e).TrimEnd('.')}.", NextFor(e), e);
        }
    }

    /// <summary>Asks all shards at the same time. If some do not answer, the exception names all of them.</summary>
    public static async Task<IReadOnlyDictionary<ShardId, T>> AllAsync<T>(IReadOnlyCollection<Shard> shards, Func<Shard, Task<T>> call)
    {
        var answers = await TryAllAsync(shards, call);
        var dead = answers.Values.Where(answer => answer.Problem is not null).ToArray();
        if (dead.Length > 0)
            throw new ShardUnreachableException(
                string.Join(" ", dead.Select(answer => answer.Problem!.Message)), dead[0].Problem!.Next, dead[0].Problem!);
        return answers.ToDictionary(pair => pair.Key, pair => pair.Value.Answer!);
    }

    /// <summary>Asks all shards at the same time. For a shard that does not answer, the result has the problem.</summary>
    public static async Task<IReadOnlyDictionary<ShardId, (T? Answer, ShardUnreachableException? Problem)>> TryAllAsync<T>(
        IReadOnlyCollection<Shard> shards, Func<Shard, Task<T>> call)
    {
        var answers = await Task.WhenAll(shards.Select(async shard =>
        {
            try
            {
                return (shard.Id, Answer: (T?)await ShardAsync(shard, () => call(shard)), Problem: (ShardUnreachableException?)null);
            }
            catch (ShardUnreachableException e)
            {
                return (shard.Id, default, e);
            }
        }));
        return answers.OrderBy(answer => answer.Id).ToDictionary(answer => answer.Id, answer => (answer.Answer, answer.Problem));
    }

    /// <summary>Whether the server is away, starting, or accepts no connection. Then the request itself was not wrong.</summary>
    public static bool IsUnreachable(Exception e) => e switch
    {
        PostgresException postgres => postgres.SqlState is "3D000" or "53300" or "57P01" or "57P02" or "57P03" || IsRefusedLogin(postgres),
        NpgsqlException or SocketException or TimeoutException => true,
        _ => false,
    };

    private static bool IsRefusedLogin(PostgresException e) => e.SqlState.StartsWith("28", StringComparison.Ordinal);

    private static string Reason(Exception e) => e switch
    {
        PostgresException postgres => postgres.MessageText,
        PoolerException => e.Message,
        _ => (e.InnerException ?? e).Message,
    };

    private static string NextFor(Exception e) => e switch
    {
        PostgresException postgres when IsRefusedLogin(postgres) =>
            "set PGUSER and PGPASSWORD (or PGPASSFILE), then the same command again",
        PostgresException { SqlState: PostgresErrorCodes.TooManyConnections } => FreeConnections + ", then the same command again",
        PoolerException =>
            "name the address of that Postgres server itself (docs/operations/runbook.md, \"A pooler stands before a shard\"), "
            + "then the same command again",
        PostgresException { SqlState: "3D000" } =>
            "createdb -T template0 -E UTF8 …   (or correct the address), then the same command again",
        _ => "start that Postgres server, then the same command again",
    };
}
