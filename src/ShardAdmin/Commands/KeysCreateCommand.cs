using System.CommandLine;
using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardAdmin.Keys;
using ShardAdmin.Rings;
using ShardCore.Access;
using Spectre.Console;

namespace ShardAdmin.Commands;

internal sealed class KeysCreateCommand : AdminCommand
{
    private const int MaxNameLength = 100;

    private readonly Option<string> _name = new("--name")
    {
        Description = "For people: who uses it, and for what",
        Required = true,
        HelpName = "NAME",
    };

    private readonly Option<string?> _expires = KeyExpiry.NewOption("When it ends (default: never)");
    private readonly KeyRights _rights;

    public KeysCreateCommand()
        : base(
            "create", "Makes an API key in all shards and shows it, once. It works on every router as soon as this command has ended",
            "shardadmin keys create --name shop",
            "shardadmin keys create --name reports --scopes items:read --collections orders,customers --expires 90d",
            "shardadmin keys create --name tenant-42 --partitions 'tenant-42:*' --expires 2027-01-01",
            "KEY=$(shardadmin keys create --name setup --scopes collections:admin -o json | jq -r .key)")
    {
        Options.Add(_name);
        _name.Validators.Add(result =>
        {
            if (result.Tokens.Count > 0 && result.Tokens[^1].Value is var name
                && (name.Length is 0 or > MaxNameLength || name.Any(char.IsControl)))
                result.AddError($"--name takes 1 to {MaxNameLength} characters.");
        });
        _rights = new KeyRights(this);
        Options.Add(_expires);
    }

    public override bool Changes(ParseResult parse) => true;

    public override async Task<ExitCode> ExecuteAsync(ParseResult parse, AdminSession session, CancellationToken cancellation)
    {
        var ring = await session.RequireRingAsync(cancellation);
        if (ring.IsEmpty)
            throw new CommandFailedException(
                ExitCode.Precondition, "The cluster has no shard yet.", "shardadmin add-shard s1 --host … --port … --database …");
        var now = DateTime.UtcNow;
        var (text, id, hash) = ApiKeyText.Create();
        var key = new ApiKey(
            id, parse.GetRequiredValue(_name), hash, _rights.Scopes(parse), _rights.Collections(parse), _rights.Partitions(parse),
            now, parse.GetValue(_expires) is { } expires ? KeyExpiry.TryParse(expires, now) : null, null, null);
        await Reach.AllAsync(ring.Shards, shard => ApiKeyStore.ListAsync(session.Source(shard), cancellation)); // all must answer first
        await KeyWriting.CreateAsync(session, ring, key, "the same command again", cancellation);
        Show(session, key, text);
        return ExitCode.Done;
    }

    /// <summary>The one time that the secret is shown.</summary>
    private static void Show(AdminSession session, ApiKey key, string text)
    {
        var line = KeyLine.Of(key, key.CreatedAt, []);
        session.Output.Write(
            new { key = text, line.Id, line.Name, line.Scopes, line.Collections, line.Partitions, line.CreatedAt, line.ExpiresAt },
            console =>
            {
                console.WriteLine(text);
                var until = line.ExpiresAt is { } end ? $", until {KeyLine.At(end)} UTC" : "";
                session.Output.Note($"Key {line.Id} ({line.Name}): {line.Reach()}{until}.");
                session.Output.Note("It is shown only now. Use it as a header: Authorization: Bearer KEY");
            });
    }
}
