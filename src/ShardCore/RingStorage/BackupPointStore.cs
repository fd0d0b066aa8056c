using System.Text.Json;

namespace ShardCore.RingStorage;

/// <summary>The newest backup point in Redis. Whoever loses Redis loses nothing but the reminder.</summary>
public sealed class BackupPointStore(RedisConnection redis, RedisKeys keys)
{
    /// <exception cref="RedisUnavailableException" />
    public Task WriteAsync(LastBackupPoint point, CancellationToken cancellation)
    {
        var text = JsonSerializer.Serialize(point, RingJson.Default.LastBackupPoint);
        return redis.CallAsync(database => database.StringSetAsync(keys.BackupPoint, text), cancellation);
    }

    /// <returns>Null: none was made, or Redis lost it, or what stands there cannot be read.</returns>
    /// <exception cref="RedisUnavailableException" />
    public async Task<LastBackupPoint?> ReadAsync(CancellationToken cancellation)
    {
        string? text = await redis.CallAsync(database => database.StringGetAsync(keys.BackupPoint), cancellation);
        try
        {
            return text is null ? null : JsonSerializer.Deserialize(text, RingJson.Default.LastBackupPoint);
        }
        catch (JsonException)
        {
            return null; // of another version of this program
        }
    }
}
