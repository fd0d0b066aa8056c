using System.Text.Json;
using ShardCore.Shards.Failover;

namespace ShardCore.RingStorage;

/// <summary>Stores the newest backup point in Redis. If Redis loses it, only this reminder for people is lost.</summary>
public sealed class BackupPointStore(RedisConnection redis, RedisKeys keys)
{
    /// <exception cref="RedisUnavailableException" />
    public Task WriteAsync(LastBackupPoint point, CancellationToken cancellation)
    {
        var text = JsonSerializer.Serialize(point, RedisJson.Default.LastBackupPoint);
        return redis.CallAsync(database => database.StringSetAsync(keys.BackupPoint, text), cancellation);
    }

    /// <returns>Null: no point was made, or Redis lost it, or the stored text cannot be read.</returns>
    /// <exception cref="RedisUnavailableException" />
    public async Task<LastBackupPoint?> ReadAsync(CancellationToken cancellation)
    {
        string? text = await redis.CallAsync(database => database.StringGetAsync(keys.BackupPoint), cancellation);
        try
        {
            return text is null ? null : JsonSerializer.Deserialize(text, RedisJson.Default.LastBackupPoint);
        }
        catch (JsonException)
        {
            return null; // another version of this program wrote it
        }
    }
}

/// <summary>
/// The newest backup point, which is shown to people. No decision rests on it: a restore uses the document of the point.
/// </summary>
/// <param name="Name">The name of the restore point in each shard's WAL.</param>
/// <param name="At">UTC, by the clock of the process that made the point.</param>
/// <param name="Epoch">The ring's epoch.</param>
public sealed record LastBackupPoint(string Name, Guid Id, DateTimeOffset At, long Epoch, IReadOnlyList<BackupPlace> Shards);

/// <param name="Shard">The shard's id.</param>
/// <param name="Position">The end of the restore point in the shard's WAL.</param>
public sealed record BackupPlace(string Shard, ShardPosition Position);
