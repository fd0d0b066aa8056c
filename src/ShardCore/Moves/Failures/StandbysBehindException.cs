namespace ShardCore.Moves.Failures;

/// <summary>
/// A standby that streams from a shard did not confirm within the limit that it has a step of the move on its disk. If it took over
/// now, that step would be lost. The
/// reaction: stop; whoever resumes waits again, or is told to ignore standbys.
/// </summary>
public sealed class StandbysBehindException(string message) : Exception(message);
