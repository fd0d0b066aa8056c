using System.Globalization;

namespace Chaos.Recording;

/// <summary>
/// The values that workloads write contain their place: <c>key/id#number</c>. The number is unique in the partition. Therefore a value
/// identifies the operation that wrote it. If an answer was meant for another request, it shows a value that no operation of this partition
/// wrote.
/// </summary>
internal static class WrittenValue
{
    public static string Of(string key, string id, int number) => string.Create(CultureInfo.InvariantCulture, $"{key}/{id}#{number}");

    /// <summary>The value of an item that is written only once.</summary>
    public static string Of(string key, string id) => $"{key}/{id}";

    /// <returns>The partition of a value; empty, if the value does not contain it.</returns>
    public static string KeyOf(string? value) => value?.IndexOf('/', StringComparison.Ordinal) is { } end and > 0 ? value[..end] : "";
}
