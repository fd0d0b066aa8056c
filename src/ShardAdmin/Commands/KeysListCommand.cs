using System.CommandLine;
using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardAdmin.Keys;
using Spectre.Console;

namespace ShardAdmin.Commands;

internal sealed class KeysListCommand : AdminCommand
{
    private readonly KeyShards _shards;
    private readonly Option<bool> _all = new("--all") { Description = "Also those that expired or were revoked" };

    public KeysListCommand()
        : base(
            "list", "Every API key: what it may do, until when, and when it was last used",
            "shardadmin keys list", "shardadmin keys list --all",
            "shardadmin keys list -o json | jq -r '.keys[] | select(.lastUsedAt == null) | .id'")
    {
        Options.Add(_all);
        _shards = new KeyShards(this);
    }

    public override async Task<ExitCode> ExecuteAsync(ParseResult parse, AdminSession session, CancellationToken cancellation)
    {
        var shards = await _shards.ReadAsync(parse, session, cancellation);
        var survey = await KeySurvey.ReadAsync(session, shards, cancellation);
        foreach (var problem in survey.Dead.Values)
            session.Output.Warn($"{problem.Message} What only it knows is not shown.");
        KeyLine[] lines = [.. KeyLine.All(survey, DateTime.UtcNow)
            .Where(line => parse.GetValue(_all) || line.State is "active" or "contradicted")];
        session.Output.WriteList(new { keys = lines }, lines, console =>
        {
            if (lines.Length == 0)
                console.WriteLine("There is no API key that works; shardadmin keys create --name NAME makes one.");
            else
                console.Write(KeyLine.Table(lines));
        });
        return ExitCode.Done;
    }
}
