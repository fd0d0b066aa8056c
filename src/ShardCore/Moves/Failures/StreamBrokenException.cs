namespace ShardCore.Moves.Failures;

/// <summary>
/// The source's changes cannot be had any further: a connection broke, or the source kept too little WAL (max_slot_wal_keep_size)
/// and gave the replication slot up. The reaction: begin the batch again.
/// </summary>
public sealed class StreamBrokenException(string message, Exception? inner = null) : Exception(message, inner);
