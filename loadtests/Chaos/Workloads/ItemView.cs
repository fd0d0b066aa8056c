using System.Text.Json;

namespace Chaos.Workloads;

/// <summary>How a read of one item is recorded.</summary>
/// <param name="Item">The item's name in the recording; null for a partition with one item.</param>
/// <param name="ValueOf">Returns the part of the document that is recorded as its value; null: none is recorded.</param>
/// <param name="SeenOf">Returns the part of the document that is recorded as a list; null: none is recorded.</param>
internal sealed record ItemView(string Id, string? Item, Func<JsonElement, string>? ValueOf, Func<JsonElement, IReadOnlyList<string>?>? SeenOf);
