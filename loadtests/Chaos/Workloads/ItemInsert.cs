namespace Chaos.Workloads;

/// <summary>An item that will be written if it does not exist.</summary>
/// <param name="Item">The item's name, and its value, in the recording.</param>
internal sealed record ItemInsert(string Id, string Item, string Document, int? TtlSeconds);
