using System.Text.Json;
using Chaos.Recording;

namespace Chaos.Workloads;

/// <summary>Reads an entry of a partition's list.</summary>
internal static class ListedItem
{
    /// <param name="field">The field of the document that has its place.</param>
    /// <returns>The place of the document, if it is listed there; otherwise both places, a text that nobody wrote.</returns>
    public static Func<JsonElement, string> Owner(string field) => item =>
    {
        var listed = WrittenValue.Of(item.GetProperty("pk").GetString()!, item.GetProperty("id").GetString()!);
        var owner = item.GetProperty("doc").TryGetProperty(field, out var text) ? text.GetString() : null;
        return owner == listed ? listed : $"{listed} holding {owner}";
    };
}
