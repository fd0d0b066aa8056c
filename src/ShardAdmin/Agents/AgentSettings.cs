using ShardAdmin.Rebalancing;

namespace ShardAdmin.Agents;

/// <param name="Interval">The time between two looks into the journals.</param>
/// <param name="TakeOverAfter">A mover that holds the operation's lock and has not reported for this time hangs.</param>
/// <param name="OnlyIndexes">It builds indexes and leaves moves to others. It does not count as an agent that carries moves on.</param>
internal sealed record AgentSettings(TimeSpan Interval, TimeSpan TakeOverAfter, MoveRunSettings Run, bool OnlyIndexes = false);
