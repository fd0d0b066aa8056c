namespace ShardCore.RingStorage;

/// <summary>One published ring in the history: what it was, when, by whom and why.</summary>
/// <param name="At">UTC, by the publisher's clock; for people, nothing is decided by it.</param>
/// <param name="Document">The ring document as published.</param>
public sealed record RingHistoryEntry(DateTimeOffset At, string Who, string Why, long Epoch, string Document);
