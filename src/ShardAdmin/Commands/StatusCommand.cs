using System.CommandLine;
using System.Globalization;
using ShardAdmin.Cluster;
using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardAdmin.Output;
using Spectre.Console;

namespace ShardAdmin.Commands;

internal sealed class StatusCommand : AdminCommand
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    private readonly Option<bool> _watch = new("--watch") { Description = "Show the status again every second, until Ctrl-C" };

    public StatusCommand()
        : base(
            "status",
            "Shows the state of the cluster: one line with the verdict, then shards, balance, routers and unfinished operations. "
            + "Exit 0: all is well · 4: something is wrong · 7: a shard or Redis does not answer",
            "shardadmin status", "shardadmin status --watch", "shardadmin status -o json | jq .verdict") =>
        Options.Add(_watch);

    public override bool Streams(ParseResult parse) => parse.GetValue(_watch);

    public override async Task<ExitCode> ExecuteAsync(ParseResult parse, AdminSession session, CancellationToken cancellation)
    {
        if (!parse.GetValue(_watch))
            return await ShowAsync(session, cancellation);
        while (true)
        {
            try
            {
                await ShowAsync(session, cancellation);
            }
            catch (Exception e) when (!cancellation.IsCancellationRequested)
            {
                session.Output.Fail(ExitCodes.FailureOf(e, session.LeftOff, "shardadmin status", timedOut: false), e);
            }
            await Task.Delay(Interval, cancellation);
        }
    }

    private static async Task<ExitCode> ShowAsync(AdminSession session, CancellationToken cancellation)
    {
        var report = await new ClusterStatus(session).ReadAsync(cancellation);
        session.Output.Write(report, console =>
        {
            if (session.Output.IsLive)
                console.Clear();
            Render(console, report);
        });
        return report.Ok ? ExitCode.Done : report.AllReachable ? ExitCode.Precondition : ExitCode.CannotReach;
    }

    private static void Render(IAnsiConsole console, StatusReport report)
    {
        var colour = report.Verdict switch { "ok" => "green", "degraded" => "yellow", _ => "red" };
        console.MarkupLine(
            $"[{colour}]{report.Verdict}[/]: cluster {Markup.Escape(report.Cluster)}, epoch {report.Epoch}, "
            + $"{Tables.Counted(report.Shards.Count, "shard")}, {Tables.Counted(report.Routers.Count, "router")}");
        foreach (var reason in report.Reasons)
            console.MarkupLine($"  [{colour}]•[/] {Markup.Escape(reason)}");
        if (report.Shards.Count > 0)
            console.Write(ShardTable(report));
        if (report.Routers.Count > 0)
            console.Write(RouterLine.Table(report.Routers));
        foreach (var operation in report.Operations)
            console.WriteLine(
                $"operation {operation.Operation} {operation.State}: {Tables.Counted(operation.Batches, "batch", "batches")} with "
                + $"{Tables.Counted(operation.Slots, "slot")} left   (shardadmin ops watch {operation.Operation})");
        if (report.Indexes.Count > 0)
            console.WriteLine($"indexes not ready: {string.Join(", ", report.Indexes.Select(Text))}   (shardadmin indexes list)");
        console.WriteLine(report.BackupPoint is { } point ? $"last backup point: {point.Describe()}" : "no backup point yet   (shardadmin "
            + "backup point NAME)");
        if (report.Agents > 0 || report.Operations.Count > 0 || report.Indexes.Count > 0)
            console.WriteLine($"agents: {report.Agents}");
    }

    private static string Text(IndexStatus index) =>
        $"{index.Collection} {index.Index} {index.State}{(index.State == "building" ? $" {Tables.Percent(index.Progress)}" : "")}";

    private static Table ShardTable(StatusReport report)
    {
        var table = Tables.New("shard", "address", "state", ">schema", ">slots", ">share", ">items", ">size", ">ring epoch", "standbys");
        foreach (var shard in report.Shards)
            table.Row(
                shard.Id, AddressOf(shard), shard.Reachable ? "up" : "unreachable", Number(shard.SchemaVersion), Tables.Count(shard.Slots),
                shard.Share is { } share ? Tables.Percent(share) : null,
                (shard is { ItemsAreEstimated: true, Items: not null } ? "~" : "") + Tables.Count(shard.Items), Tables.Bytes(shard.SizeBytes),
                Number(shard.RingEpoch), shard.Standbys.Summary);
        return table;
    }

    /// <summary>For a shard with several hosts the table names only the primary.</summary>
    private static string AddressOf(ShardStatus shard) =>
        shard.Standbys.Hosts.FirstOrDefault(host => host.Role == "primary") is { } primary
        ? $"{primary.Host} of {shard.Standbys.Hosts.Count} hosts"
        : shard.Address;

    private static string? Number(long? value) => value?.ToString(CultureInfo.InvariantCulture);
}
