using ShardAdmin.Rebalancing;

namespace ShardAdmin.Agents;

/// <param name="Interval">Between looks into the journals.</param>
/// <param name="TakeOverAfter">A mover that has the operation's lock and was not seen for so long hangs.</param>
internal sealed record AgentSettings(TimeSpan Interval, TimeSpan TakeOverAfter, MoveRunSettings Run);
