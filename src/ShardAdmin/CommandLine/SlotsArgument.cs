using System.CommandLine.Parsing;
using ShardAdmin.Output;
using ShardCore.Ring;

namespace ShardAdmin.CommandLine;

internal static class SlotsArgument
{
    /// <summary>Reads slots such as 5, 5-9 or 5,7,9-12.</summary>
    /// <param name="called">The name of the argument or option.</param>
    public static Func<ArgumentResult, IReadOnlyList<Slot>?> ParserFor(string called) => result =>
    {
        var text = result.Tokens.Count > 0 ? result.Tokens[^1].Value : "";
        if (SlotText.Parse(text) is { } slots)
            return slots;
        result.AddError($"{called} takes slots of 0…{Slot.Count - 1} such as 5, 5-9 or 5,7,9-12, not '{text}'.");
        return null;
    };
}
