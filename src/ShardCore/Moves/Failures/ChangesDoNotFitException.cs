namespace ShardCore.Moves.Failures;

/// <summary>Copy and stream are not of one table: a change touched no row at the target, or several, as somebody deleted rows there, or the source's was rewritten. The reaction: begin the batch again.</summary>
public sealed class ChangesDoNotFitException(string message) : Exception(message);
