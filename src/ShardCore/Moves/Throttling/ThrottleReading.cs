using System.Runtime.InteropServices;

namespace ShardCore.Moves.Throttling;

/// <summary>What was seen in one interval.</summary>
/// <param name="Latency">Of a small commit, at the slower of the two shards; null: none was answered.</param>
/// <param name="Backlog">WAL that the source keeps for the move, as a part of what it may keep: 1 is the end of the replication slot.</param>
/// <param name="UsedBytesPerSecond">How fast the move really went.</param>
/// <param name="TransactionsPerSecond">Of all at the busier shard, the move's own few included: how many there are to be disturbed.</param>
[StructLayout(LayoutKind.Auto)]
public readonly record struct ThrottleReading(TimeSpan? Latency, double Backlog, double UsedBytesPerSecond, double TransactionsPerSecond);
