namespace ShardCore.Moves.Failures;

/// <summary>
/// Source and target of a released batch do not fit together: one of them lost commits, or rows differ. The reaction: stop. Only a
/// person who says
/// which copy is right ends this state (<see cref="BatchSettlement"/>); no mover does.
/// </summary>
public sealed class BatchDisputedException(string message) : Exception(message);
