using System.Diagnostics;

namespace ShardAdmin.Agents;

/// <summary>When something that failed is tried again: the waits double, up to a longest.</summary>
internal sealed record Retry(TimeSpan Wait, long From)
{
    public static Retry None { get; } = new(TimeSpan.FromMilliseconds(500), 0);

    public bool IsDue => Stopwatch.GetElapsedTime(From) >= Wait;

    public Retry Next(TimeSpan longest) => new(Wait * 2 < longest ? Wait * 2 : longest, Stopwatch.GetTimestamp());
}
