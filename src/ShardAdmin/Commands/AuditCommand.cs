using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using ShardAdmin.Auditing;
using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardAdmin.Keys;
using ShardAdmin.Output;
using ShardAdmin.Rings;

namespace ShardAdmin.Commands;

internal sealed class AuditCommand : AdminCommand
{
    private const int DefaultLimit = 100;
    private const int MaxLimit = 10_000;
    private const int MaxDays = 400; // older entries are gone

    private readonly Option<TimeSpan?> _since = new("--since")
    {
        Description = "How far back: 30m, 24h, 90d (default: all that is kept, 400 days)",
        HelpName = "TIME",
        CustomParser = ParseSince,
    };

    private readonly Option<int> _limit = new("--limit")
    {
        Description = $"How many entries at most, 1 to {MaxLimit}; the newest are shown",
        HelpName = "N",
        DefaultValueFactory = _ => DefaultLimit,
    };

    public AuditCommand()
        : base(
            "audit", "Who changed what, and how it ended: commands, agents, keys, collections and hand-overs, from the logs of all shards",
            "shardadmin audit --since 24h", "shardadmin audit -o json | jq '.entries[] | select(.what | contains(\"keys\"))'")
    {
        Options.Add(_since);
        Options.Add(_limit);
        _limit.Validators.Add(result =>
        {
            if (AddressOptions.Number((CommandResult)result.Parent!, _limit) is < 1 or > MaxLimit)
                result.AddError($"--limit is 1…{MaxLimit}.");
        });
    }

    public override async Task<ExitCode> ExecuteAsync(ParseResult parse, AdminSession session, CancellationToken cancellation)
    {
        var ring = await session.RequireRingAsync(cancellation);
        var from = TimeProvider.System.GetUtcNow().UtcDateTime - (parse.GetValue(_since) ?? TimeSpan.FromDays(MaxDays));
        var (entries, problems) = await AuditEntry.ReadAsync(session, ring, from, parse.GetValue(_limit), cancellation);
        foreach (var problem in problems)
            session.Output.Warn($"{problem} What only it knows is not shown.");
        session.Output.WriteList(new { entries }, entries, console =>
        {
            var table = Tables.New("at", "who", "role", "what", "result", "shards");
            foreach (var entry in entries)
                table.Row(
                    entry.At.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture) + "Z", entry.Who, entry.Role, entry.What,
                    entry.Result ?? "begins", string.Join(' ', entry.Shards));
            console.Write(table);
        });
        return problems.Count == ring.Shards.Length ? ExitCode.CannotReach : ExitCode.Done;
    }

    private static TimeSpan? ParseSince(ArgumentResult result)
    {
        var text = result.Tokens.Count > 0 ? result.Tokens[^1].Value : "";
        if (KeyExpiry.TryParseSpan(text) is { } length && length > TimeSpan.Zero)
            return length;
        result.AddError($"--since takes a time such as 30m, 24h or 90d, not '{text}'.");
        return TimeSpan.Zero;
    }
}
