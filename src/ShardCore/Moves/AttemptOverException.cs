namespace ShardCore.Moves;

/// <summary>Somebody else has begun this batch anew, or thawed it. The reaction: touch nothing more of it.</summary>
public sealed class AttemptOverException(string message, Exception inner) : Exception(message, inner);
