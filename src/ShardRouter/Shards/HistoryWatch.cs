using System.Net.Sockets;
using Npgsql;
using ShardCore.Ring;
using ShardCore.RingStorage;
using ShardCore.Shards;
using ShardCore.Shards.Failover;
using ShardCore.Shards.History;
using ShardRouter.Routing;
using ShardRouter.Telemetry;

namespace ShardRouter.Shards;

/// <summary>
/// Tells when a shard came back without commits that were seen before. The shard is served all the same: its operator decides whether
/// to stop it.
/// </summary>
internal sealed partial class HistoryWatch(
    Shard shard, ShardDatabase source, ShardPrimary? primary, ShardHistories histories, RingHolder holder, RouterMetrics metrics, ILogger log)
{
    /// <summary>A shard that was just seen to answer may hang when its timelines are read: whoever waits here watches it.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(5);

    private Task? _observing;

    /// <summary>What Redis has. It is to be taken before the shard is asked (<see cref="ShardHistory"/>).</summary>
    public StoredPosition? Known => histories.Of(shard.Id).Stored;

    /// <param name="answer">What the shard gave for <see cref="ShardReading.Sql"/>.</param>
    /// <param name="known"><see cref="Known"/> before it was asked.</param>
    public async Task ObserveAsync(string? answer, StoredPosition? known, CancellationToken cancellation)
    {
        if (ShardReading.TryParse(answer) is not { } reading)
            return;
        if (holder.Current?.Find(shard.Id)?.Address != shard.Address)
            return; // an address that the shard left says nothing of it
        var history = histories.Of(shard.Id);
        if (primary is not null && known?.Value is { } told)
            primary.Expected = told.Position;
        try
        {
            if (_observing is { IsCompleted: false })
                return; // the last one hangs, and there must be one at a time
            var observing = history.ObserveAsync(reading, known, source, cancellation);
            _observing = observing;
            var change = await observing.WaitAsync(Limit, cancellation);
            if (change == HistoryChange.Lost && history.Loss is { } loss)
            {
                metrics.ShardLostCommits(shard.Id.Value);
                LogLost(shard.Id.Value, loss.Describe(), ShardLoss.NextFor(shard.Id));
            }
            else if (change == HistoryChange.Accepted)
                LogAccepted(shard.Id.Value);
        }
        catch (Exception e) when (!cancellation.IsCancellationRequested
            && e is NpgsqlException or SocketException or IOException or TimeoutException or OperationCanceledException
                or InvalidOperationException)
        {
            LogNotJudged(shard.Id.Value, e.Message); // the next probe tries again
        }
    }

    [LoggerMessage(LogLevel.Error, "Shard {Shard} {What}. The router goes on serving it as it is. Next: {Command}")]
    private partial void LogLost(string shard, string what, string command);

    [LoggerMessage(LogLevel.Information, "What shard {Shard} lost was accepted")]
    private partial void LogAccepted(string shard);

    [LoggerMessage(LogLevel.Warning, "The timeline history of shard {Shard} could not be read: {Reason}")]
    private partial void LogNotJudged(string shard, string reason);
}
