using System.Globalization;
using Microsoft.AspNetCore.WebUtilities;
using ShardCore.Access;
using ShardCore.Ring;
using ShardRouter.Documents;
using ShardRouter.Http;
using ShardRouter.Items;
using ShardRouter.Refusals;

namespace ShardRouter.Queries;

/// <summary>Reads the query string of a scan. An unknown parameter is an error and is never ignored.</summary>
internal static class ScanParser
{
    /// <returns>The scan, the slots of its segment, what its cursor is bound to, and the cursor that was given.</returns>
    /// <exception cref="ProblemException">invalid-parameter.</exception>
    public static (ItemQuery Query, SlotSet Slots, IReadOnlyList<string> Identity, string? Cursor) Parse(
        string? queryString, string collection, IReadOnlyList<PartitionPattern>? partitions, TimeSpan scanLimit)
    {
        var (isWhole, segment, limit) = (false, Segment.Whole, PartitionQuery.DefaultLimit);
        var (select, cursor) = ((FieldSelection?)null, (string?)null);
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var pair in new QueryStringEnumerable(queryString))
        {
            var (name, value) = (pair.DecodeName().ToString(), pair.DecodeValue().ToString());
            if (!seen.Add(name))
                throw Invalid(name, "It is given more than once.");
            switch (name)
            {
                case "scope":
                    isWhole = value == "all" ? true : throw Invalid(name, "Expected all.");
                    break;
                case "segment":
                    segment = Segment.Parse(value)
                        ?? throw Invalid(name, $"Expected k/n: the segment k, from 1 on, of n segments, at most {Segment.Most}.");
                    break;
                case "limit":
                    limit = PartitionQueryParser.Limit(value);
                    break;
                case "select":
                    select = PartitionQueryParser.Select(value);
                    break;
                case "cursor":
                    cursor = value;
                    break;
                default:
                    throw Invalid(name, "There is no such parameter. Known are scope, segment, limit, select, cursor.");
            }
        }
        if (!isWhole)
            throw Invalid("scope", $"This list has the items of all partitions. Say scope=all if you mean it; one partition is at "
                + $"/v1/collections/{collection}/items/{{pk}}.");
        var items = new ItemSelection(collection, null, [], null, partitions);
        var query = new ItemQuery(items, [], select, limit, null, scanLimit, CountKind.None);
        return (query, segment.Slots, ["scan", collection, segment.ToString()], cursor);
    }

    private static ProblemException Invalid(string name, string detail) => new(Problems.InvalidParameter(name, detail));
}

/// <summary>A share of all slots, in one piece. The segments of one division have each slot once.</summary>
/// <param name="Number">From 1 on.</param>
/// <param name="Of">How many segments there are.</param>
internal sealed record Segment(int Number, int Of)
{
    public const int Most = 1024;

    public static Segment Whole => new(1, 1);

    public SlotSet Slots => SlotSet.Range((Number - 1) * Slot.Count / Of, Number * Slot.Count / Of);

    /// <param name="text"><c>k/n</c>.</param>
    /// <returns>Null: there is no such segment.</returns>
    public static Segment? Parse(string text) =>
        text.Split('/') is [var number, var of] && TryRead(number, out var k) && TryRead(of, out var n) && k <= n && n <= Most
            ? new Segment(k, n)
            : null;

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Number}/{Of}");

    private static bool TryRead(string text, out int number) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number) && number > 0;
}
