using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using ShardAdmin.Cluster;
using ShardAdmin.CommandLine;
using ShardAdmin.Rebalancing;
using ShardCore.Ring;

namespace ShardAdmin.Commands;

internal sealed class RebalanceCommand : AdminCommand
{
    private readonly Option<IReadOnlyDictionary<ShardId, int>> _weights = new("--weight")
    {
        Description = "A new weight of a shard: its share of the slots beside the others; may be given several times",
        HelpName = "ID=W",
        CustomParser = ParseWeights,
        DefaultValueFactory = _ => new Dictionary<ShardId, int>(),
    };

    private readonly Option<double> _threshold = new("--threshold")
    {
        Description = "Move nothing while every shard is within this of its share (default 5%)",
        HelpName = "PERCENT",
        CustomParser = ParseThreshold,
        DefaultValueFactory = _ => 0.05,
    };

    private readonly MoveRunOptions _run;
    private readonly ChangeOptions _change;

    public RebalanceCommand()
        : base(
            "rebalance", "Gives each shard its share of the slots by count and weight, with the fewest moves, while all keeps running; asks first",
            "shardadmin rebalance --dry-run", "shardadmin rebalance --weight s4=2 --threshold 0%")
    {
        Options.Add(_weights);
        Options.Add(_threshold);
        _run = new MoveRunOptions(this);
        _change = new ChangeOptions(this);
    }

    public override async Task<ExitCode> ExecuteAsync(ParseResult parse, AdminSession session, CancellationToken cancellation)
    {
        var ring = await session.RequireRingAsync(cancellation);
        var weights = parse.GetRequiredValue(_weights);
        if (weights.Keys.Where(id => ring.Find(id) is null).ToArray() is [var stranger, ..])
            throw new CommandFailedException(ExitCode.NotFound, $"There is no shard {stranger}.", "shardadmin ring show");
        if (!ring.Shards.Any(shard => shard.State == ShardState.Active))
            throw new CommandFailedException(ExitCode.Precondition, "There is no shard that can own slots.", "shardadmin add-shard --help");
        var (dryRun, rebalance) = (_change.IsDryRun(parse), new SlotRebalance(session, _run.Read(parse)));
        if (!dryRun)
        {
            await rebalance.CarryOnAsync(ring, cancellation);
            ring = await session.RequireRingAsync(cancellation);
        }
        var known = await RingKnowledge.ReadAsync(session, ring, [], cancellation);
        known.RequireNotSetBack([.. weights.Keys]);
        known.RequireOwnersAgree();
        Shard[] shards = [.. Weighted(ring.Shards, weights)];
        var moves = Imbalance(ring, shards) <= parse.GetValue(_threshold) ? [] : RingPlanner.Plan(ring.Owners, shards).Moves;
        var plan = await rebalance.PlanAsync(shards, ring.Owners, moves, cancellation);
        return await MoveResult.RunAsync(
            session, rebalance, ring, plan, "shardadmin rebalance", dryRun, _change.IsYes(parse),
            async () =>
            {
                var now = await new ShardListChange(session).PublishAsync([.. weights.Keys], _ => true, each => Weighted(each.Shards, weights), "rebalance: weights", cancellation);
                return await rebalance.RunAsync(now, plan, "rebalance", cancellation);
            },
            "Every shard is within the threshold of its share. No slot was moved.", cancellation);
    }

    private static IEnumerable<Shard> Weighted(IEnumerable<Shard> shards, IReadOnlyDictionary<ShardId, int> weights) =>
        shards.Select(shard => weights.TryGetValue(shard.Id, out var weight) ? shard with { Weight = weight } : shard);

    /// <summary>The largest distance of a shard from its share, as a part of the share; one slot is no imbalance.</summary>
    private static double Imbalance(ShardRing ring, Shard[] shards)
    {
        var all = (double)shards.Where(shard => shard.State == ShardState.Active).Sum(shard => shard.Weight);
        return shards.Max(shard =>
        {
            var (owned, share) = (ring.SlotsOf(shard.Id).Length, shard.State == ShardState.Active ? Slot.Count * shard.Weight / all : 0);
            return share == 0 ? owned : Math.Max(0, Math.Abs(owned - share) - 1) / share;
        });
    }

    private static Dictionary<ShardId, int> ParseWeights(ArgumentResult result)
    {
        var weights = new Dictionary<ShardId, int>();
        foreach (var text in result.Tokens.Select(token => token.Value))
            if (text.Split('=') is [var id, var number] && ShardId.IsValid(id) && int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var weight) && weight is >= 1 and <= Shard.MaxWeight)
                weights[new ShardId(id)] = weight;
            else
                result.AddError($"--weight takes ID=W with a weight of 1…{Shard.MaxWeight}, such as s4=2, not '{text}'.");
        return weights;
    }

    private static double ParseThreshold(ArgumentResult result)
    {
        var text = result.Tokens.Count > 0 ? result.Tokens[^1].Value : "";
        if (text.EndsWith('%') && double.TryParse(text[..^1], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var percent) && percent is >= 0 and <= 100)
            return percent / 100;
        result.AddError($"--threshold takes a percentage such as 5%, not '{text}'.");
        return 0;
    }
}
