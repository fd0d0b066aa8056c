using Dapper;
using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardCore.Ring;

namespace ShardAdmin.Auditing;

/// <summary>What somebody did, as one or more shards have it.</summary>
/// <param name="At">When the first of them noted it, by its clock. UTC.</param>
/// <param name="Role">The role that was logged in.</param>
/// <param name="Who">user@host, or an API key by its id.</param>
/// <param name="What">The command, or what happened.</param>
/// <param name="Result">Null: a command began.</param>
internal sealed record AuditEntry(DateTime At, string Role, string Who, string What, string? Result, IReadOnlyList<string> Shards)
{
    /// <summary>What several shards noted within this time is one entry, if all else is the same.</summary>
    private static readonly TimeSpan Together = TimeSpan.FromSeconds(30);

    private const string Sql = """
        select at as At, role as Role, who as Who, what as What, result as Result from sharding.audit
        where at >= @since order by entry desc limit @limit
        """;

    /// <returns>The entries of all shards that answer, the newest last; and what is wrong with the others.</returns>
    public static async Task<(IReadOnlyList<AuditEntry> Entries, IReadOnlyList<string> Problems)> ReadAsync(
        AdminSession session, ShardRing ring, DateTime since, int limit, CancellationToken cancellation)
    {
        var answers = await Reach.TryAllAsync(ring.Shards, async shard =>
        {
            await using var connection = await session.Source(shard).OpenAsync(cancellation);
            return (IReadOnlyList<Row>)[.. await connection.QueryAsync<Row>(
                new CommandDefinition(Sql, new { since, limit }, cancellationToken: cancellation))];
        });
        var merged = Merge(answers.Where(answer => answer.Value.Answer is not null)
            .SelectMany(answer => answer.Value.Answer!.Select(row => (answer.Key.Value, row))));
        return ([.. merged.TakeLast(limit)], [.. answers.Values.Select(answer => answer.Problem?.Message).OfType<string>()]);
    }

    /// <summary>Pure: rows of several shards → entries in the order of their times.</summary>
    internal static List<AuditEntry> Merge(IEnumerable<(string Shard, Row Row)> rows)
    {
        var merged = new List<AuditEntry>();
        var last = new Dictionary<(string, string, string, string?), int>();
        foreach (var (shard, row) in rows.OrderBy(each => each.Row.At).ThenBy(each => each.Shard, StringComparer.Ordinal))
        {
            var same = (row.Role, row.Who, row.What, row.Result);
            if (last.TryGetValue(same, out var at) && row.At - merged[at].At <= Together
                && !merged[at].Shards.Contains(shard, StringComparer.Ordinal))
                merged[at] = merged[at] with { Shards = [.. merged[at].Shards, shard] };
            else
            {
                last[same] = merged.Count;
                merged.Add(new AuditEntry(row.At, row.Role, row.Who, row.What, row.Result, [shard]));
            }
        }
        return merged;
    }

    /// <summary>A row of <c>sharding.audit</c>.</summary>
    internal sealed record Row(DateTime At, string Role, string Who, string What, string? Result);
}
