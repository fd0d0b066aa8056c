using System.CommandLine;
using ShardAdmin.Cluster;
using ShardAdmin.CommandLine;
using ShardAdmin.Output;
using ShardCore.Migrations;
using Spectre.Console;

namespace ShardAdmin.Commands;

internal sealed class MigrateCommand : AdminCommand
{
    private readonly ChangeOptions _change;

    public MigrateCommand()
        : base(
            "migrate", "Brings every shard's schema to this program's version, all in parallel; tells drift and changed files",
            "shardadmin migrate --dry-run", "shardadmin migrate -o json | jq '.shards[] | {shard, after, state}'") =>
        _change = new ChangeOptions(this);

    public override async Task<ExitCode> ExecuteAsync(ParseResult parse, AdminSession session, CancellationToken cancellation)
    {
        var ring = await session.RequireRingAsync(cancellation);
        var dryRun = _change.IsDryRun(parse);
        if (!dryRun)
            session.LeftOff = "Each shard has whole migrations only; some shards may have fewer than others. The same command completes it.";
        var results = dryRun
            ? await SchemaMigration.InspectAsync(session, ring.Shards, cancellation)
            : await SchemaMigration.ApplyAsync(session, ring.Shards, cancellation);
        var lines = results.Select(result => new ShardLine(
            result.Key.Value, result.Value.VersionBefore, result.Value.VersionAfter, result.Value.State, result.Value.Applied, result.Value.Pending, result.Value.Problem)).ToArray();
        var ok = results.Values.All(result => result.State is MigrationState.UpToDate or MigrationState.Migrated or MigrationState.Pending);
        session.Output.WriteList(new { ok, dryRun, shards = lines }, lines, console => Render(console, lines));
        return ok ? ExitCode.Done : ExitCode.Precondition;
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
        MigrationState.NewerThanKnown => "newer than this program",
        _ => $"{state}".ToLowerInvariant(),
    };

    private sealed record ShardLine(
        string Shard, int Before, int After, MigrationState State, IReadOnlyList<string> Applied, IReadOnlyList<string> Pending, string? Problem);
}
