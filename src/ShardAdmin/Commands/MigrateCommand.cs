using System.CommandLine;
using System.CommandLine.Parsing;
using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardAdmin.Output;
using ShardAdmin.Rings;
using ShardAdmin.Shards;
using ShardCore.Migrations;
using ShardCore.Ring;
using Spectre.Console;

namespace ShardAdmin.Commands;

internal sealed class MigrateCommand : AdminCommand
{
    private readonly Option<ShardAddress[]> _databases = new("--database")
    {
        Description = "A database that is no shard yet; repeat the option for each. For whoever runs init and add-shard with a user that may "
            + "not make a schema. Needs no ring",
        HelpName = "HOST:PORT/DATABASE",
        DefaultValueFactory = _ => [],
        CustomParser = ParseDatabases,
    };

    private readonly ChangeOptions _change;

    public MigrateCommand()
        : base(
            "migrate",
            "Brings the schema of every shard to this program's version, all shards in parallel. "
            + "Reports shards whose schema was changed by hand and migration files that differ from the applied ones",
            "shardadmin migrate --dry-run", "shardadmin migrate --database 10.0.0.4:5432/app   # before add-shard",
            "shardadmin migrate -o json | jq '.shards[] | {shard, after, state}'")
    {
        Options.Add(_databases);
        _change = new ChangeOptions(this);
    }

    public override async Task<ExitCode> ExecuteAsync(ParseResult parse, AdminSession session, CancellationToken cancellation)
    {
        Shard[] shards = parse.GetRequiredValue(_databases) is { Length: > 0 } databases
            ? [.. databases.Select((address, i) => new Shard(new ShardId($"database-{i + 1}"), address))]
            : [.. (await session.RequireRingAsync(cancellation)).Shards];
        var dryRun = _change.IsDryRun(parse);
        if (!dryRun)
            session.LeftOff = "A migration is applied whole or not at all; some shards may have fewer than others. The same command "
                + "completes the rest.";
        var results = dryRun
            ? await SchemaMigration.InspectAsync(session, shards, cancellation)
            : await SchemaMigration.ApplyAsync(session, shards, cancellation);
        var lines = results.Select(result => new ShardLine(
            result.Key.Value, result.Value.VersionBefore, result.Value.VersionAfter, result.Value.State, result.Value.Applied,
            result.Value.Pending, result.Value.Problem)).ToArray();
        var ok = results.Values.All(result => result.State is MigrationState.UpToDate or MigrationState.Migrated or MigrationState.Pending);
        session.Output.WriteList(new { ok, dryRun, shards = lines }, lines, console => Render(console, lines));
        return ok ? ExitCode.Done : ExitCode.Precondition;
    }

    private static ShardAddress[]? ParseDatabases(ArgumentResult result)
    {
        var databases = result.Tokens.Select(token => (token.Value, Address: ShardAddress.TryParse(token.Value))).ToArray();
        foreach (var (text, _) in databases.Where(each => each.Address is null))
            result.AddError($"--database takes {ShardAddress.Form}, not '{text}'.");
        return [.. databases.Select(each => each.Address).OfType<ShardAddress>()];
    }

    private static void Render(IAnsiConsole console, ShardLine[] lines)
    {
        var table = Tables.New("shard", ">before", ">now", "state", "applied", "pending");
        foreach (var line in lines)
            table.Row(line.Shard, $"{line.Before}", $"{line.After}", Word(line.State), Join(line.Applied), Join(line.Pending));
        console.Write(table);
        foreach (var line in lines.Where(line => line.Problem is not null))
            console.MarkupLine($"[red]{line.Shard}:[/] {Markup.Escape(line.Problem!)}");
    }

    private static string Join(IReadOnlyList<string> files) => files.Count == 0 ? "–" : string.Join(", ", files);

    private static string Word(MigrationState state) => state switch
    {
        MigrationState.UpToDate => "up to date",
        MigrationState.ChangedFile => "changed file",
        MigrationState.NotPermitted => "not permitted",
        MigrationState.NewerThanKnown => "newer than this program",
        _ => $"{state}".ToLowerInvariant(),
    };

    private sealed record ShardLine(
        string Shard, int Before, int After, MigrationState State, IReadOnlyList<string> Applied, IReadOnlyList<string> Pending,
        string? Problem);
}
