namespace ShardCore.Moves.Failures;

/// <summary>A session that an attempt held is gone: its server went away, or a later attempt ended it. The reaction: begin the batch again.</summary>
public sealed class SessionLostException(string message) : Exception(message);
