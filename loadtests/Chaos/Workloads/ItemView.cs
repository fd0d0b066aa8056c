using System.Text.Json;

namespace LoadTests.Chaos.Workloads;

/// <summary>How a read of one item is recorded.</summary>
/// <param name="Item">The item's name in the recording; of a partition with one item, null.</param>
/// <param name="ValueOf">What of the document is recorded as its value; null: nothing.</param>
/// <param name="SeenOf">What of the document is recorded as a list; null: nothing.</param>
internal sealed record ItemView(string Id, string? Item, Func<JsonElement, string>? ValueOf, Func<JsonElement, IReadOnlyList<string>?>? SeenOf);
