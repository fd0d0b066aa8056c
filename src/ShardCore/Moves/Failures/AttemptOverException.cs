namespace ShardCore.Moves.Failures;

/// <summary>Somebody else has begun this batch anew, or thawed it. The reaction: touch nothing more in this attempt's name.</summary>
public sealed class AttemptOverException(string message, Exception? inner = null) : Exception(message, inner);
