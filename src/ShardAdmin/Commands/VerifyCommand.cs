using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardAdmin.Output;
using ShardAdmin.Verifying;
using ShardCore.Ring;
using Spectre.Console;

namespace ShardAdmin.Commands;

internal sealed class VerifyCommand : AdminCommand
{
    /// <summary>The table only counts further differences; JSON has all.</summary>
    private const int Shown = 50;

    private const int MostConnections = 16;

    private readonly Option<bool> _all = new("--all") { Description = "Check all slots (the default)" };
    private readonly Option<IReadOnlyList<Slot>?> _slots = new("--slots")
    {
        Description = "Check only these slots, such as 5, 5-9 or 5,7,9-12",
        HelpName = "SLOTS",
        CustomParser = SlotsArgument.ParserFor("--slots"),
    };

    private readonly Option<int> _connections = new("--connections")
    {
        Description = $"How many connections to each shard are used at the same time, 1…{MostConnections}",
        HelpName = "N",
        DefaultValueFactory = _ => 2,
        CustomParser = result =>
        {
            if (int.TryParse(result.Tokens[0].Value, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
                && number is >= 1 and <= MostConnections)
                return number;
            result.AddError($"--connections is a whole number of 1…{MostConnections}.");
            return 1;
        },
    };

    private readonly Option<string?> _save = new("--save")
    {
        Description = "Write the checksum of each slot into this file. A later run can be compared with it, and an interrupted run can be "
            + "continued with --resume",
        HelpName = "FILE",
    };

    private readonly Option<bool> _resume = new("--resume") { Description = "Continue the interrupted run that wrote the --save file" };
    private readonly Option<string[]> _compare = new("--compare")
    {
        Description = "Compare the checksums with the --save file of an earlier run, or a shard with another copy of it "
            + "(s1=host:port/database); repeat the option for several",
        HelpName = "FILE|ID=HOST:PORT/DATABASE",
        DefaultValueFactory = _ => [],
    };

    public VerifyCommand()
        : base(
            "verify",
            "Checks the data of the cluster: the ring says the same as the shards, every row is in the slot of its key, and after a "
            + "hand-over the target has the same rows as the source. With --compare it also compares the rows with an earlier run or with "
            + "a copy. Changes nothing. Exit 9: something differs",
            "shardadmin verify", "shardadmin verify --slots 0-255 -o json | jq .differences",
            "shardadmin verify --save before.ndjson   # if interrupted: the same with --resume continues it",
            "shardadmin verify --compare before.ndjson   # shows the slots that have changed since",
            "shardadmin verify --compare s1=10.0.0.9:5432/restored   # compares a restored copy of s1")
    {
        foreach (Option option in (Option[])[_all, _slots, _connections, _save, _resume, _compare])
            Options.Add(option);
        Validators.Add(Check);
    }

    public override async Task<ExitCode> ExecuteAsync(ParseResult parse, AdminSession session, CancellationToken cancellation)
    {
        var others = parse.GetValue(_compare) ?? [];
        var request = new VerifyRequest(
            parse.GetValue(_slots), parse.GetValue(_connections), parse.GetValue(_save), parse.GetValue(_resume),
            [.. others.Where(other => CopyOf(other) is null)], [.. others.Select(CopyOf).OfType<ShardCopy>()]);
        var report = await new ClusterVerifier(session, request).RunAsync(cancellation);
        session.Output.Write(report, console => Render(console, report));
        return report.Ok ? ExitCode.Done : ExitCode.Differences;
    }

    private void Check(CommandResult result)
    {
        if (result.GetResult(_all) is { Implicit: false } && result.GetResult(_slots) is { Implicit: false })
            result.AddError("--all and --slots exclude each other.");
        if (result.GetResult(_resume) is { Implicit: false } && result.GetResult(_save) is null)
            result.AddError("--resume needs --save FILE: the file of the interrupted run.");
    }

    /// <returns>Null: the text names a file.</returns>
    private static ShardCopy? CopyOf(string text) =>
        text.Split('=', 2) is [var id, var address] && ShardId.IsValid(id) && ShardAddress.TryParse(address) is { } endpoint
            ? new ShardCopy(new ShardId(id), endpoint)
            : null;

    private static void Render(IAnsiConsole console, VerifyReport report)
    {
        var verdict = report.Ok ? "[green]ok[/]" : $"[red]{Tables.Counted(report.Differences.Count, "difference")}[/]";
        var epoch = report.Epoch?.ToString(CultureInfo.InvariantCulture) ?? "–";
        console.MarkupLine(
            $"{verdict}: cluster {Markup.Escape(report.Cluster)}, epoch {epoch}, {Tables.Counted(report.SlotsChecked, "slot")}, "
            + $"{Tables.Counted(report.Rows, "row")}{Speed(report)}");
        if (report.Differences.Count > 0)
        {
            var table = Tables.New("difference", "shard", "slots", "detail");
            foreach (var difference in report.Differences.Take(Shown))
                table.Row(difference.Kind, difference.Shard, Shorten(difference.Slots), difference.Detail);
            console.Write(table);
        }
        if (report.Differences.Count > Shown)
            console.WriteLine($"… and {report.Differences.Count - Shown} more (-o json has all)");
        foreach (var shard in report.Residue)
            console.MarkupLine(
                $"[yellow]residue[/] in {shard.Shard}: a move left {Tables.Counted(shard.Rows, "row")} in slots {Shorten(shard.Slots)}, which "
                + "the shard no longer owns; no client sees them");
        foreach (var handOver in report.HandOvers)
            console.WriteLine(handOver.Compared
                ? $"hand-over {handOver.Source} → {handOver.Target}, slots {Shorten(handOver.Slots)}: {Tables.Counted(handOver.Rows, "row")} "
                    + "compared"
                : $"hand-over {handOver.Source} → {handOver.Target}, slots {Shorten(handOver.Slots)}: the move itself has compared the "
                    + "rows and deletes them at the source now");
        foreach (var comparison in report.Comparisons)
            console.WriteLine(
                $"compared with {comparison.With}: {Tables.Count(comparison.Differing)} of {Tables.Count(comparison.Slots)} slots "
                + "with rows differ");
        if (report.Saved is not null)
            console.WriteLine($"checksums in {report.Saved}");
    }

    private static string Speed(VerifyReport report) =>
        report.RowsRead == 0 || report.Seconds <= 0 ? "" : $" ({Tables.Count((long)(report.RowsRead / report.Seconds))} rows/s)";

    private static string? Shorten(string? slots) => slots is { Length: > 60 } ? slots[..60] + "…" : slots;
}
