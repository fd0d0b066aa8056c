namespace ShardCore.RingStorage;

/// <summary>A ring document that must not be used. The reaction: keep the last good ring, tell, count.</summary>
public sealed class BadRingException(string message, Exception? inner = null) : Exception(message, inner);
