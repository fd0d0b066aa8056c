namespace ShardCore.Moves.Failures;

/// <summary>
/// The batch cannot go on now. The message says why, and in which state it is. Nothing is lost, and the batch can be begun again.
/// </summary>
public sealed class MoveFailedException(string message) : Exception(message);

/// <summary>
/// Another process has begun a new attempt of this batch, or has thawed it. The reaction: change nothing more in the name of this attempt.
/// </summary>
public sealed class AttemptOverException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>
/// Source and target of a released batch do not fit together: one of them lost commits, or rows differ. The reaction: stop. Only a person
/// ends this state, by saying which copy is right (<see cref="BatchSettlement"/>). No mover ends it.
/// </summary>
public sealed class BatchDisputedException(string message) : Exception(message);

/// <summary>
/// Copy and stream do not fit together: a change touched no row at the target, or several. Somebody deleted rows there, or the source's
/// table was rewritten. The reaction: begin the batch again.
/// </summary>
public sealed class ChangesDoNotFitException(string message) : Exception(message);

/// <summary>
/// A session that an attempt held is gone: its server went away, or a later attempt ended it. The reaction: begin the batch again.
/// </summary>
public sealed class SessionLostException(string message) : Exception(message);

/// <summary>
/// A standby that streams from a shard did not confirm within the limit that it has a step of the move on its disk. If it took over now,
/// that step would be lost. The reaction: stop. The person who resumes lets the move wait again, or tells it to ignore standbys.
/// </summary>
public sealed class StandbysBehindException(string message) : Exception(message);

/// <summary>
/// The source's changes cannot be read any further: a connection broke, or the source kept too little WAL (max_slot_wal_keep_size) and
/// gave the replication slot up. The reaction: begin the batch again.
/// </summary>
public sealed class StreamBrokenException(string message, Exception? inner = null) : Exception(message, inner);
