namespace ShardCore.RingStorage;

/// <summary>Redis cannot be reached. The reaction: go on with what is known, try again later.</summary>
public sealed class RedisUnavailableException(string message, Exception inner) : Exception(message, inner);
