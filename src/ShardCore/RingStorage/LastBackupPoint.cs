using ShardCore.Shards.History;

namespace ShardCore.RingStorage;

/// <summary>The newest backup point, so that people are shown it. Nothing is decided by it: its document is what a restore goes
/// by.</summary>
/// <param name="Name">Of the restore point in each shard's WAL.</param>
/// <param name="At">UTC, by the clock of whoever made it.</param>
/// <param name="Epoch">Of the ring.</param>
public sealed record LastBackupPoint(string Name, Guid Id, DateTimeOffset At, long Epoch, IReadOnlyList<BackupPlace> Shards);

/// <param name="Shard">Its id.</param>
/// <param name="Position">The end of the restore point in its WAL.</param>
public sealed record BackupPlace(string Shard, ShardPosition Position);
