namespace LoadTests.Chaos.Workloads;

/// <summary>An item that is to be written unless it exists.</summary>
/// <param name="Item">The item's name in the recording, and what is recorded as its value.</param>
internal sealed record ItemInsert(string Id, string Item, string Document, int? TtlSeconds);
