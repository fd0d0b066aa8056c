using Npgsql;

namespace ShardRouter.Shards;

/// <summary>
/// The statements of queries over all shards that a session has prepared. To plan a page costs more than to read it: 1 to 8 ms of a shard
/// beside 0.2 ms. Applications have few forms of queries, and values are parameters.
/// </summary>
/// <remarks>
/// A statement is prepared when it comes the second time: one that comes once would only cost a round trip. After five minutes it is planned
/// anew, because the table may have become another one since. Postgres also does so itself, after ANALYZE and when an index comes or goes.
/// </remarks>
internal sealed class QueryStatements
{
    /// <summary>The most statements that a session keeps. Each takes about half a megabyte at the server.</summary>
    internal const int Most = 24;

    private const int MostSeen = 256;

    private static readonly TimeSpan KeptFor = TimeSpan.FromMinutes(5);

    private readonly PreparedStatements _prepared = new(Most);
    private readonly HashSet<int> _seen = []; // hashes: texts are long

    /// <summary>Prepares the command, if its text has come before.</summary>
    public async Task PrepareAsync(NpgsqlCommand command)
    {
        if (await _prepared.TryPrepareAsync(command, Environment.TickCount64 - (long)KeptFor.TotalMilliseconds))
            return;
        if (!_seen.Add(command.CommandText.GetHashCode(StringComparison.Ordinal)))
        {
            await _prepared.PrepareAsync(command);
            return;
        }
        if (_seen.Count > MostSeen)
            _seen.Clear();
    }
}
