using System.Globalization;

namespace LoadTests.Chaos.Recording;

/// <summary>
/// What a workload writes says where it belongs: <c>key/id#number</c>. The number is unique in the partition, so a value names
/// the one operation that wrote it, and an answer that was meant for another request shows a value that no operation of this
/// partition wrote.
/// </summary>
internal static class WrittenValue
{
    public static string Of(string key, string id, int number) => string.Create(CultureInfo.InvariantCulture, $"{key}/{id}#{number}");

    /// <summary>For an item that is written once.</summary>
    public static string Of(string key, string id) => $"{key}/{id}";

    /// <returns>The partition that a value belongs to; of one that does not say it, nothing.</returns>
    public static string KeyOf(string? value) => value?.IndexOf('/', StringComparison.Ordinal) is { } end and > 0 ? value[..end] : "";
}
