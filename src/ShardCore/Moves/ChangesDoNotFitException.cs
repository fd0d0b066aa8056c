namespace ShardCore.Moves;

/// <summary>A change touched no row at the target, or several: somebody deleted rows there. The reaction: begin the batch again.</summary>
public sealed class ChangesDoNotFitException(string message) : Exception(message);
