using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using ShardCore.Ring;

namespace ShardAdmin.Changes;

internal sealed class RebalanceArguments : ChangeArguments
{
    private const double UsualThreshold = 0.05;

    private readonly Option<BalanceMeasure> _by = new("--by")
    {
        Description = "How a share is measured: count (number of slots, the default) or size (bytes in the slots). The load of a slot "
            + "is not measured",
        HelpName = "count|size",
        CustomParser = ParseMeasure, // without it, Count: a default named here would be shown in the help as the program writes it
    };

    private readonly Option<IReadOnlyDictionary<ShardId, int>?> _weights = new("--weight")
    {
        Description = "A new weight for a shard: its share in proportion to the weights of the others; repeat the option for several "
            + "shards",
        HelpName = "ID=W",
        CustomParser = ParseWeights,
    };

    private readonly Option<double?> _threshold = new("--threshold")
    {
        Description = "How far a shard may be from its share. By count: nothing moves if every shard is within the threshold. By size: "
            + "slots move until every shard is within it (default: 5%)",
        HelpName = "PERCENT",
        CustomParser = ParseThreshold,
    };

    public RebalanceArguments(Command command)
    {
        command.Options.Add(_by);
        command.Options.Add(_weights);
        command.Options.Add(_threshold);
    }

    public override ClusterChange Read(ParseResult parse) => new RebalanceChange(
        parse.GetValue(_by), parse.GetValue(_threshold) ?? UsualThreshold, parse.GetValue(_weights) ?? new Dictionary<ShardId, int>());

    private static BalanceMeasure ParseMeasure(ArgumentResult result)
    {
        switch (result.Tokens.Count > 0 ? result.Tokens[^1].Value : "")
        {
            case "count": return BalanceMeasure.Count;
            case "size": return BalanceMeasure.Size;
            case "load":
                result.AddError("--by load is not possible: routers do not measure the load of each slot. Take count or size.");
                return default;
            case var other:
                result.AddError($"--by takes count or size, not '{other}'.");
                return default;
        }
    }

    private static Dictionary<ShardId, int> ParseWeights(ArgumentResult result)
    {
        var weights = new Dictionary<ShardId, int>();
        foreach (var text in result.Tokens.Select(token => token.Value))
            if (text.Split('=') is [var id, var number] && ShardId.IsValid(id)
                && int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var weight)
                && weight is >= 1 and <= Shard.MaxWeight)
                weights[new ShardId(id)] = weight;
            else
                result.AddError($"--weight takes ID=W with a weight of 1…{Shard.MaxWeight}, such as s4=2, not '{text}'.");
        return weights;
    }

    private static double? ParseThreshold(ArgumentResult result)
    {
        var text = result.Tokens.Count > 0 ? result.Tokens[^1].Value : "";
        if (text.EndsWith('%')
            && double.TryParse(text[..^1], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var percent)
            && percent is >= 0 and <= 100)
            return percent / 100;
        result.AddError($"--threshold takes a percentage such as 5%, not '{text}'.");
        return 0;
    }
}
