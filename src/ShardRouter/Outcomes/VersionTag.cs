using System.Globalization;

namespace ShardRouter.Outcomes;

/// <summary>An item's version as a strong entity tag.</summary>
internal static class VersionTag
{
    public static string Of(long version) => string.Create(CultureInfo.InvariantCulture, $"\"{version}\"");
}
