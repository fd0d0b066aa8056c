using System.CommandLine;
using System.CommandLine.Parsing;
using ShardAdmin.Backups;
using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardAdmin.Output;
using ShardAdmin.Settings;
using ShardCore.RingStorage;
using Spectre.Console;

namespace ShardAdmin.Commands;

internal sealed class BackupPointCommand : AdminCommand
{
    private const string ToOutput = "-";
    private const int MaxNameLength = 63; // Postgres' limit

    private static readonly TimeSpan DefaultHold = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan LongestHold = TimeSpan.FromMinutes(1);

    private readonly Argument<string> _name = new("NAME")
    {
        Description = "Name of the restore point: letters, digits, '-', '_' and '.'. A restore gives it to Postgres as "
            + "recovery_target_name",
    };

    private readonly Option<string?> _out = new("--out")
    {
        Description = "Write the document into this file, which must not exist yet; '-' only prints it (default: NAME.backup.json)",
        HelpName = "FILE",
    };

    private readonly Option<TimeSpan?> _hold = new("--hold")
    {
        Description = "How long hand-overs of slots may be held, at most 1m (default: 10s). After this time the command gives up and "
            + "makes no backup point",
        HelpName = "TIME",
        CustomParser = ParseHold,
    };

    public BackupPointCommand()
        : base(
            "point",
            "Makes a restore point with this name in the WAL of every shard, at a moment when no slot is between two owners. "
            + "Writes the ring, the owners of the slots and the WAL positions into a document. "
            + "If all shards are restored to this point, they fit together and have every write that was acknowledged before the command "
            + "began. Writes go on meanwhile; moves wait for a moment. "
            + "The command copies no data: base backups and the WAL archive of each shard's Postgres do that (pgBackRest, pg_basebackup; "
            + "see docs/operations/backup-and-restore.md)",
            "shardadmin backup point nightly-2026-11-30", "shardadmin backup point before-upgrade --out /safe/place/before-upgrade.json",
            "shardadmin backup point nightly -o json | jq '.shards[] | {id, lsn}'")
    {
        _name.Validators.Add(RequireName);
        Arguments.Add(_name);
        Options.Add(_out);
        Options.Add(_hold);
    }

    public override bool Changes(ParseResult parse) => true;

    public override async Task<ExitCode> ExecuteAsync(ParseResult parse, AdminSession session, CancellationToken cancellation)
    {
        var name = parse.GetRequiredValue(_name);
        var path = parse.GetValue(_out) ?? $"{name}.backup.json";
        using var file = path == ToOutput ? null : BackupPointFile.Reserve(path);
        var document = await new BackupPoint(session, name, parse.GetValue(_hold) ?? DefaultHold).MakeAsync(cancellation);
        session.LeftOff = $"The backup point {name} was made.";
        var text = document.Write();
        file?.Write(text);
        await RememberAsync(session, document, cancellation);
        if (file is null || !session.Output.ShowsTable)
            session.Output.WriteDocument(text);
        else
            Render(session.Output.Results, document, path);
        return ExitCode.Done;
    }

    private static async Task RememberAsync(AdminSession session, BackupPointDocument document, CancellationToken cancellation)
    {
        try
        {
            await session.BackupPoints.WriteAsync(document.ToLast(), cancellation);
        }
        catch (RedisUnavailableException e)
        {
            session.Output.Warn($"The backup point was made, but status and doctor will not show it: {e.Message}");
        }
    }

    private static void Render(IAnsiConsole console, BackupPointDocument document, string path)
    {
        var table = Tables.New("shard", "timeline", "restore point", "WAL file", "archived", ">slots");
        foreach (var shard in document.Shards)
            table.Row(
                shard.Id, $"{shard.Timeline}", shard.Lsn, shard.WalFile,
                shard.Archived switch { true => "yes", false => "not yet", null => "no archive" },
                Tables.Count(shard.Owned.Sum(owned => SlotText.Parse(owned.Slots)!.Count)));
        console.Write(table);
        console.WriteLine($"Backup point {document.Name} at {document.At:u}, epoch {document.Epoch}: hand-overs were held for "
            + $"{document.HeldMs:0} ms.");
        if (document.Unfinished.Count > 0)
            console.WriteLine($"Moves are under way, with {Tables.Counted(document.Unfinished.Count, "batch", "batches")} unfinished; "
                + "after a restore they are resumed or cancelled.");
        console.WriteLine($"The document is {path}. Keep it with the backups: shardadmin restore check {path}");
    }

    private static void RequireName(ArgumentResult result)
    {
        var name = result.Tokens.Count > 0 ? result.Tokens[0].Value : "";
        if (name.Length is 0 or > MaxNameLength || !char.IsAsciiLetterOrDigit(name[0])
            || !name.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.'))
            result.AddError($"A backup point's name has up to {MaxNameLength} letters, digits, '-', '_' and '.', and begins with a letter "
                + $"or digit; '{name}' does not.");
    }

    private static TimeSpan? ParseHold(ArgumentResult result)
    {
        var text = result.Tokens.Count > 0 ? result.Tokens[^1].Value : "";
        if (Duration.TryParse(text, out var value) && value > TimeSpan.Zero && value <= LongestHold)
            return value;
        result.AddError($"--hold takes a time of at most 1m, such as 10s, not '{text}'.");
        return null;
    }
}
