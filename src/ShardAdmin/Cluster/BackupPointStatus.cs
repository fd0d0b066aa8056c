using System.Globalization;
using ShardAdmin.CommandLine;
using ShardAdmin.Output;
using ShardCore.Ring;

namespace ShardAdmin.Cluster;

/// <summary>Compares the newest backup point with the present ring.</summary>
/// <remarks>
/// Moves since the point do not devalue it: a restore brings all shards back to the point together, and there each slot had one owner. A
/// shard that joined or left since the point does matter, because a restore brings back the cluster of that time. It needs the server of
/// the shard that left, and does not contain the shard that joined.
/// </remarks>
/// <param name="Joined">Shards of the ring that the backup point does not contain.</param>
/// <param name="Left">Shards of the backup point that are no longer in the ring.</param>
internal sealed record BackupPointStatus(
    string Name, DateTimeOffset At, double AgeSeconds, IReadOnlyList<string> Joined, IReadOnlyList<string> Left)
{
    private const string Command = "shardadmin backup point NAME";

    private static readonly (double Seconds, string Unit)[] Units = [(86_400, "d"), (3600, "h"), (60, "min"), (1, "s")];

    /// <returns>Null: no backup point was made, or Redis has lost it.</returns>
    public static async Task<BackupPointStatus?> ReadAsync(AdminSession session, ShardRing ring, CancellationToken cancellation)
    {
        if (await session.BackupPoints.ReadAsync(cancellation) is not { } point)
            return null;
        string[] then = [.. point.Shards.Select(shard => shard.Shard)], now = [.. ring.Shards.Select(shard => shard.Id.Value)];
        var age = TimeProvider.System.GetUtcNow() - point.At;
        return new BackupPointStatus(
            point.Name, point.At, Math.Round(Math.Max(0, age.TotalSeconds), 1), [.. now.Except(then, StringComparer.Ordinal)],
            [.. then.Except(now, StringComparer.Ordinal)]);
    }

    public static Finding FindingOf(BackupPointStatus? point)
    {
        const string check = "backup-point";
        return point is null ? Finding.Ok(check, $"None was made yet. '{Command}' makes one.")
            : point.Joined.Count + point.Left.Count == 0 ? Finding.Ok(check, $"The last one is {point.Describe()}.")
            : new Finding(
                check, FindingLevel.Warning, $"The last one is {point.Describe()}. A restore brings back the shards of that time.",
                Command);
    }

    /// <returns>A text such as "nightly, 3 h ago, before s4 joined".</returns>
    public string Describe()
    {
        var (seconds, unit) = Units.FirstOrDefault(each => AgeSeconds >= each.Seconds, Units[^1]);
        var text = string.Create(CultureInfo.InvariantCulture, $"{Name}, {Math.Floor(AgeSeconds / seconds):0} {unit} ago");
        return text + (Joined.Count > 0 ? $", before {string.Join(", ", Joined)} joined" : "")
            + (Left.Count > 0 ? $", before {string.Join(", ", Left)} left" : "");
    }
}
