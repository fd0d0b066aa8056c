using System.Globalization;
using System.Text;
using Microsoft.AspNetCore.WebUtilities;
using ShardRouter.Keys;
using ShardRouter.Partitions;
using ShardRouter.Refusals;

namespace ShardRouter.Http;

/// <summary>Reads the query string of a list of partitions. An unknown parameter is an error and is never ignored.</summary>
internal static class PartitionListParser
{
    /// <returns>The beginning of the keys, empty for all; the most partitions; the cursor, if there is one.</returns>
    /// <exception cref="ProblemException">invalid-parameter or invalid-key.</exception>
    public static (string Prefix, int Limit, string? Cursor) Parse(string? queryString)
    {
        var (prefix, limit, cursor) = ("", PartitionLister.DefaultLimit, (string?)null);
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var pair in new QueryStringEnumerable(queryString))
        {
            var (name, value) = (pair.DecodeName().ToString(), pair.DecodeValue().ToString());
            if (!seen.Add(name))
                throw new ProblemException(Problems.InvalidParameter(name, "It is given more than once."));
            switch (name)
            {
                case "prefix":
                    prefix = Prefix(value);
                    break;
                case "limit":
                    if (!int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out limit) || limit is < 1 or > PartitionLister.MaxLimit)
                        throw new ProblemException(Problems.InvalidParameter(name, $"Expected a whole number, 1 to {PartitionLister.MaxLimit}."));
                    break;
                case "cursor":
                    cursor = value;
                    break;
                default:
                    throw new ProblemException(Problems.InvalidParameter(name, "There is no such parameter. Known are prefix, limit, cursor."));
            }
        }
        return (prefix, limit, cursor);
    }

    /// <summary>A lone surrogate cannot be written as UTF-8.</summary>
    private static string Prefix(string value) => Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(value)) == value
        ? RawTarget.CheckKey(value, "prefix")
        : throw new ProblemException(Problems.InvalidParameter("prefix", "It is not valid UTF-8."));
}
