using System.CommandLine;
using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardAdmin.Keys;
using ShardAdmin.Output;
using Spectre.Console;

namespace ShardAdmin.Commands;

internal sealed class KeysRevokeCommand : AdminCommand
{
    private readonly Argument<string> _id = KeyArgument.New();
    private readonly KeyShards _shards;

    public KeysRevokeCommand()
        : base(
            "revoke",
            "Ends an API key for ever. Every router that reaches any shard refuses it within 5 s. "
            + "It takes only the shards that answer; repeat it for the others",
            "shardadmin keys revoke 7hQm2K", "shardadmin keys revoke 7hQm2KxWc0aZ81pR -o json",
            "shardadmin keys revoke 7hQm2K --seed 10.0.0.1:5432/app   # while Redis is away")
    {
        Arguments.Add(_id);
        _shards = new KeyShards(this);
    }

    public override bool Changes(ParseResult parse) => true;

    public override async Task<ExitCode> ExecuteAsync(ParseResult parse, AdminSession session, CancellationToken cancellation)
    {
        var shards = await _shards.ReadAsync(parse, session, cancellation);
        var survey = await KeySurvey.ReadAsync(session, shards, cancellation);
        var key = survey.Require(parse.GetRequiredValue(_id));
        session.LeftOff = $"Key {key.Id} may be revoked in some shards, and then routers refuse it. The same command completes it.";
        var revoked = key with { RevokedAt = key.RevokedAt ?? DateTime.UtcNow };
        var (reached, dead) = await KeyWriting.MergeAsync(session, shards, revoked, cancellation);
        if (dead.Count > 0)
            throw new CommandFailedException(new Failure(
                ExitCode.CannotReach, string.Join(" ", dead.Values.Select(problem => problem.Message)),
                Partly(key.Id, key.Name, reached.Count, shards.Count),
                $"{dead.Values.First().Next.Split(", then")[0]}; then: shardadmin keys revoke {key.Id}"));
        session.Output.Write(
            new { key.Id, key.Name, outcome = key.RevokedAt is null ? "revoked" : "wasRevoked", shards = reached.Count },
            console => console.WriteLine(key.RevokedAt is null
                ? $"Key {key.Id} ({key.Name}) is revoked in all {Tables.Counted(reached.Count, "shard")}. Routers refuse it within 5 s."
                : $"Key {key.Id} ({key.Name}) was revoked at {KeyLine.At(key.RevokedAt)} UTC; all {Tables.Counted(reached.Count, "shard")} know it."));
        return ExitCode.Done;
    }

    private static string Partly(string id, string name, int reached, int all) => reached == 0
        ? $"Key {id} ({name}) is as it was."
        : $"Key {id} ({name}) is revoked in {reached} of {all} shards. "
            + "That is enough for every router that reaches one of them: it refuses the key within 5 s.";
}
