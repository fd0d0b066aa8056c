using System.CommandLine;
using ShardAdmin.Cluster;
using ShardAdmin.CommandLine;
using ShardAdmin.Output;
using ShardCore.Ring;
using Spectre.Console;

namespace ShardAdmin.Commands;

internal sealed class VerifyCommand : AdminCommand
{
    /// <summary>More than this are only counted in the table; JSON has them all.</summary>
    private const int Shown = 50;

    private readonly Option<bool> _all = new("--all") { Description = "All slots (the default)" };
    private readonly Option<IReadOnlyList<Slot>?> _slots = new("--slots")
    {
        Description = "Only these: 5  5-9  5,7,9-12",
        HelpName = "SLOTS",
        CustomParser = result =>
        {
            var text = result.Tokens.Count > 0 ? result.Tokens[^1].Value : "";
            if (SlotText.Parse(text) is { } slots)
                return slots;
            result.AddError($"--slots takes slots of 0…{Slot.Count - 1} such as 5, 5-9 or 5,7,9-12, not '{text}'.");
            return null;
        },
    };

    public VerifyCommand()
        : base(
            "verify", "Holds the ring to the shards and every row to its slot; changes nothing; exit 9 when something differs",
            "shardadmin verify", "shardadmin verify --slots 0-255 -o json | jq .differences")
    {
        Options.Add(_all);
        Options.Add(_slots);
        Validators.Add(result =>
        {
            if (result.GetResult(_all) is { Implicit: false } && result.GetResult(_slots) is { Implicit: false })
                result.AddError("--all and --slots exclude each other.");
        });
    }

    public override async Task<ExitCode> ExecuteAsync(ParseResult parse, AdminSession session, CancellationToken cancellation)
    {
        var report = await new ClusterVerifier(session).RunAsync(parse.GetValue(_slots), cancellation);
        session.Output.Write(report, console => Render(console, report));
        return report.Ok ? ExitCode.Done : ExitCode.Differences;
    }

    private static void Render(IAnsiConsole console, VerifyReport report)
    {
        var verdict = report.Ok ? "[green]ok[/]" : $"[red]{report.Differences.Count} differences[/]";
        console.MarkupLine($"{verdict}: cluster {Markup.Escape(report.Cluster)}, epoch {report.Epoch?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "–"}, {Tables.Count(report.SlotsChecked)} slots, {Tables.Count(report.Rows)} rows");
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
            console.MarkupLine($"[yellow]residue[/] in {shard.Shard}: {Tables.Count(shard.Rows)} rows in slots {Shorten(shard.Slots)} that it no longer owns; invisible, left over by a move");
    }

    private static string? Shorten(string? slots) => slots is { Length: > 60 } ? slots[..60] + "…" : slots;
}
