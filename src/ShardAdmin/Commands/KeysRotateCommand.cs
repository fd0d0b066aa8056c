using System.CommandLine;
using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardAdmin.Keys;
using ShardAdmin.Rings;
using ShardCore.Access;
using ShardCore.Ring;
using Spectre.Console;

namespace ShardAdmin.Commands;

internal sealed class KeysRotateCommand : AdminCommand
{
    private static readonly TimeSpan DefaultGrace = TimeSpan.FromHours(24);

    private readonly Argument<string> _id = KeyArgument.New();
    private readonly Option<string?> _expires = KeyExpiry.NewOption(
        "When the new key ends (default: it lives as long as the old one was made for)");
    private readonly Option<string?> _grace = new("--grace")
    {
        Description = "How long the old key still works: 24h unless said; 0s ends it now",
        HelpName = "TIME",
    };


    public KeysRotateCommand()
        : base(
            "rotate",
            "Makes a new API key of the same rights and shows it, once; the old one works for some time still, in which its users change over",
            "shardadmin keys rotate 7hQm2K", "shardadmin keys rotate 7hQm2K --grace 7d",
            "shardadmin keys rotate 7hQm2K --grace 0s -o json | jq -r .key")
    {
        Arguments.Add(_id);
        Options.Add(_grace);
        Options.Add(_expires);
        _grace.Validators.Add(result =>
        {
            if (result.Tokens.Count > 0 && KeyExpiry.TryParseSpan(result.Tokens[^1].Value) is null)
                result.AddError($"--grace takes a time such as 24h, 7d or 0s, not '{result.Tokens[^1].Value}'.");
        });
    }

    /// <returns>The youngest key that may have come from an earlier rotation; null: there is none.</returns>
    private static ApiKey? SuccessorOf(ApiKey old, IEnumerable<IReadOnlyList<ApiKey>> byShard) => ApiKey.MergeAll(byShard).Values
        .Where(key => key.CreatedAt > old.CreatedAt && key.RevokedAt is null && key.Name == old.Name && key.MayDoWhat(old))
        .MaxBy(key => key.CreatedAt);

    public override bool Changes(ParseResult parse) => true;

    public override async Task<ExitCode> ExecuteAsync(ParseResult parse, AdminSession session, CancellationToken cancellation)
    {
        var ring = await session.RequireRingAsync(cancellation);
        // All must answer before anything is changed.
        var byShard = await Reach.AllAsync(ring.Shards, shard => ApiKeyStore.ListAsync(session.Source(shard), cancellation));
        var old = new KeySurvey(byShard, new Dictionary<ShardId, ShardUnreachableException>()).Require(parse.GetRequiredValue(_id));
        var now = DateTime.UtcNow;
        if (old.StateAt(now) is not "active" and var state)
            throw new CommandFailedException(
                ExitCode.Precondition, $"Key {old.Id} ({old.Name}) is {state}; there is nothing to rotate.", "shardadmin keys create --help");
        if (old.ExpiresAt is not null && parse.GetValue(_expires) is null && SuccessorOf(old, byShard.Values) is { } successor)
            throw new CommandFailedException(
                ExitCode.Precondition,
                $"Key {successor.Id} has the name and the rights of {old.Id} and is younger, so {old.Id} was rotated before, "
                + "and its end is that of the grace. How long the new key is to live cannot be told from it.",
                $"shardadmin keys rotate {successor.Id}, or say it: shardadmin keys rotate {old.Id} --expires TIME");
        var (text, id, hash) = ApiKeyText.Create();
        DateTime? expires = parse.GetValue(_expires) is { } given ? KeyExpiry.TryParse(given, now)
            : old.ExpiresAt is { } end ? now + (end - old.CreatedAt)
            : null;
        var key = old with { Id = id, SecretHash = hash, CreatedAt = now, ExpiresAt = expires, RevokedAt = null, LastUsedAt = null };
        await KeyWriting.CreateAsync(session, ring, key, $"shardadmin keys rotate {old.Id}", cancellation);

        var ends = now + (parse.GetValue(_grace) is { } grace ? KeyExpiry.TryParseSpan(grace)!.Value : DefaultGrace);
        var ended = old with { ExpiresAt = old.ExpiresAt < ends ? old.ExpiresAt : ends };
        session.LeftOff = $"The new key {key.Id} works. The old one may not know its end: shardadmin keys revoke {old.Id} ends it.";
        IReadOnlyDictionary<ShardId, ShardUnreachableException> dead = new Dictionary<ShardId, ShardUnreachableException>();
        var shards = 0;
        try
        {
            (var reached, dead) = await KeyWriting.MergeAsync(session, ring.Shards, ended, cancellation);
            shards = reached.Count;
        }
        finally // whatever becomes of the old key: the new one is in all shards, and nobody could ever see its secret again
        {
            session.Output.Write(
                new { key = text, key.Id, key.Name, key.ExpiresAt, old = new { old.Id, ended.ExpiresAt, shards } },
                console =>
                {
                    console.WriteLine(text);
                    session.Output.Note(
                        $"Key {key.Id} ({key.Name}) has the rights of {old.Id}, which ends at {KeyLine.At(ended.ExpiresAt)} UTC. "
                        + $"The new one {(key.ExpiresAt is { } last ? $"ends at {KeyLine.At(last)} UTC" : "has no end")}; it is shown only now.");
                });
        }
        foreach (var problem in dead.Values)
            session.Output.Warn(
                $"{problem.Message} It does not know that {old.Id} ends; routers that reach another shard do. Next: shardadmin keys sync");
        return dead.Count == 0 ? ExitCode.Done : ExitCode.CannotReach;
    }
}
