using System.Text.Json;
using LoadTests.Chaos.Recording;

namespace LoadTests.Chaos.Workloads;

/// <summary>Reads an entry of a partition's list.</summary>
internal static class ListedItem
{
    /// <param name="field">The document's field that says where it belongs.</param>
    /// <returns>Where the document belongs, if it is listed there; otherwise both, which is what nobody wrote.</returns>
    public static Func<JsonElement, string> Owner(string field) => item =>
    {
        var listed = WrittenValue.Of(item.GetProperty("pk").GetString()!, item.GetProperty("id").GetString()!);
        var owner = item.GetProperty("doc").TryGetProperty(field, out var text) ? text.GetString() : null;
        return owner == listed ? listed : $"{listed} holding {owner}";
    };
}
