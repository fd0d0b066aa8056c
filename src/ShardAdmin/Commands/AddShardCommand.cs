using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using ShardAdmin.Cluster;
using ShardAdmin.CommandLine;
using ShardAdmin.Output;
using ShardAdmin.Rebalancing;
using ShardCore.Ring;
using Spectre.Console;

namespace ShardAdmin.Commands;

internal sealed class AddShardCommand : AdminCommand
{
    private readonly Argument<string> _id = new("ID") { Description = "Name of the new shard, for instance s4" };
    private readonly Option<string> _host = new("--host") { Description = "Host of its Postgres server, as the routers reach it", HelpName = "H", Required = true };
    private readonly Option<int> _port = new("--port") { Description = "Port of its Postgres server", HelpName = "P", Required = true };
    private readonly Option<string> _database = new("--database") { Description = "Database, which exists and is empty", HelpName = "D", Required = true };
    private readonly Option<int> _weight = new("--weight") { Description = "Its share of the slots beside the other shards' weights", HelpName = "W", DefaultValueFactory = _ => 1 };
    private readonly Option<bool> _noRebalance = new("--no-rebalance") { Description = "Join only; it gets no slots yet" };
    private readonly MoveRunOptions _run;
    private readonly ChangeOptions _change;

    public AddShardCommand()
        : base(
            "add-shard", "Brings a database into the cluster as a shard and moves its share to it while all keeps running; asks first if there is data. Repeating completes what a crash left",
            "shardadmin add-shard s4 --host 10.0.0.4 --port 5432 --database app",
            "shardadmin add-shard s4 --host 10.0.0.4 --port 5432 --database app --rate 50MiB/s --yes",
            "shardadmin add-shard s4 --host 10.0.0.4 --port 5432 --database app --no-rebalance   # join only")
    {
        Arguments.Add(_id);
        foreach (Option option in (Option[])[_host, _port, _database, _weight, _noRebalance])
            Options.Add(option);
        _run = new MoveRunOptions(this);
        _change = new ChangeOptions(this);
        Validators.Add(RequireWellFormed);
    }

    public override async Task<ExitCode> ExecuteAsync(ParseResult parse, AdminSession session, CancellationToken cancellation)
    {
        var shard = new Shard(
            new ShardId(parse.GetRequiredValue(_id)), parse.GetRequiredValue(_host), parse.GetRequiredValue(_port),
            parse.GetRequiredValue(_database), parse.GetRequiredValue(_weight));
        var (wanted, dryRun, moves) = (!parse.GetValue(_noRebalance), _change.IsDryRun(parse), new SlotRebalance(session, _run.Read(parse)));
        var join = new ShardJoin(session, shard);
        var ring = await session.RequireRingAsync(cancellation);
        await join.RequirePossibleAsync(ring, cancellation);
        var resumed = dryRun ? 0 : await moves.CarryOnAsync(ring, cancellation);
        if (wanted && await PlanAsync(session, join, moves, shard, cancellation) is { } plan && !dryRun)
            await session.Output.ConfirmAsync(
                $"Move {Tables.Count(plan.Slots)} slots with about {Tables.Bytes(plan.Bytes)} to {shard.Id}?", _change.IsYes(parse),
                $"shardadmin add-shard {shard.Id} --host {shard.Host} --port {shard.Port} --database {shard.Database}{(shard.Weight == 1 ? "" : $" --weight {shard.Weight}")}", cancellation);
        var result = await join.RunAsync(wanted, dryRun, cancellation);
        if (result.Remaining > 0)
        {
            // The same planner on the same owners: what was shown, unless an item came into an empty cluster meanwhile.
            var rest = await moves.PlanAsync(result.Ring.Shards, result.Ring.Owners, RingPlanner.Plan(result.Ring.Owners, result.Ring.Shards).Moves, cancellation);
            await MovePreflight.RequireAsync(session, result.Ring, rest, cancellation);
            resumed += await moves.RunAsync(result.Ring, rest, $"add-shard {shard.Id}", cancellation);
        }
        result = result with { MovedSlots = result.MovedSlots + resumed, Ring = dryRun ? result.Ring : await session.RequireRingAsync(cancellation) };
        var slots = result.Ring.SlotsOf(shard.Id).Length;
        session.Output.Write(
            new
            {
                shard = shard.Id.Value,
                address = shard.Address,
                joined = result.Joined,
                movedSlots = result.MovedSlots,
                slots,
                epoch = result.Ring.Epoch.Value,
                dryRun = result.DryRun,
            },
            console => console.WriteLine(Sentence(shard, result, slots)));
        return ExitCode.Done;
    }

    /// <returns>The moves that it takes, shown; null when there is no item to be moved.</returns>
    private static async Task<MovePlan?> PlanAsync(AdminSession session, ShardJoin join, SlotRebalance moves, Shard shard, CancellationToken cancellation)
    {
        var ring = await session.RequireRingAsync(cancellation);
        if (ring.IsEmpty || !await join.HoldsItemsAsync(ring.Shards, cancellation))
            return null;
        Shard[] shards = [.. ring.Shards.Where(each => each.Id != shard.Id), shard];
        var plan = await moves.PlanAsync(shards, ring.Owners, RingPlanner.Plan(ring.Owners, shards).Moves, cancellation);
        if (plan.Moves.Count == 0)
            return null;
        await MovePreflight.RequireAsync(session, ring, plan, cancellation);
        moves.Show(plan);
        return plan;
    }

    private static string Sentence(Shard shard, JoinResult result, int slots)
    {
        if (result.DryRun)
            return $"Dry run: shard {shard.Id} at {shard.Address} would own {Tables.Count(slots)} slots, {Tables.Count(result.MovedSlots)} of which would move. Nothing was changed.";
        if (!result.ChangedAnything)
            return $"Shard {shard.Id} at {shard.Address} is in the cluster already and owns {Tables.Count(slots)} slots. Nothing was changed.";
        return slots > 0
            ? $"Shard {shard.Id} at {shard.Address} is in the cluster and owns {Tables.Count(slots)} slots, epoch {result.Ring.Epoch}."
            : $"Shard {shard.Id} at {shard.Address} is in the cluster, epoch {result.Ring.Epoch}. It owns no slots yet.";
    }

    private void RequireWellFormed(CommandResult result)
    {
        if (result.GetValue(_id) is not { } id)
            return; // missing: the parser says so
        if (!ShardId.IsValid(id))
            result.AddError($"'{id}' is not a shard id: a lower-case letter, then up to 62 of a-z, 0-9, '_' and '-'.");
        else if (result.GetValue(_host) is { } host && result.GetValue(_database) is { } database
            && Number(result, _port) is { } port && (result.GetResult(_weight) is { Tokens.Count: > 0 } ? Number(result, _weight) : 1) is { } weight
            && ShardRules.FirstViolation(new Shard(new ShardId(id), host, port, database, weight)) is { } violation)
            result.AddError(violation);
    }

    /// <summary>Null when it is missing or no number: the parser says so, and asking it for the value would throw.</summary>
    private static int? Number(CommandResult result, Option<int> option) =>
        int.TryParse(result.GetResult(option)?.Tokens is { Count: > 0 } tokens ? tokens[^1].Value : null, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? number : null;
}
