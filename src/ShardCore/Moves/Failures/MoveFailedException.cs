namespace ShardCore.Moves.Failures;

/// <summary>The batch cannot go on now; the message says why and what holds. Nothing is lost, it can be begun again.</summary>
public sealed class MoveFailedException(string message) : Exception(message);
