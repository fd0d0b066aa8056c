using System.Net.Sockets;
using Npgsql;
using ShardCore.Ring;
using ShardCore.Shards;
using ShardCore.Shards.Failover;
using ShardCore.Shards.History;
using ShardRouter.Rings;
using ShardRouter.Telemetry;

namespace ShardRouter.Shards;

/// <summary>
/// Reports when a shard came back without commits that were seen before. The router goes on serving the shard: its operator decides
/// whether to stop it.
/// </summary>
internal sealed partial class HistoryWatch(
    Shard shard, ShardDatabase source, ShardPrimary? primary, ShardHistories histories, RingHolder holder, RouterMetrics metrics,
    ILogger log)
{
    /// <summary>
    /// A shard that was just seen to answer may hang when its timelines are read. The monitor waits for that, and must go on watching the
    /// shard.
    /// </summary>
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(5);

    private Task? _observing;

    /// <summary>The position that Redis has. It must be read before the shard is asked (<see cref="ShardHistory"/>).</summary>
    public StoredPosition? Known => histories.Of(shard.Id).Stored;

    /// <param name="answer">The shard's answer to <see cref="ShardReading.Sql"/>.</param>
    /// <param name="known"><see cref="Known"/>, read before the shard was asked.</param>
    public async Task ObserveAsync(string? answer, StoredPosition? known, CancellationToken cancellation)
    {
        if (ShardReading.TryParse(answer) is not { } reading)
            return;
        if (holder.Current?.Find(shard.Id)?.Address != shard.Address)
            return; // the shard has left this address, which says nothing about it any more
        var history = histories.Of(shard.Id);
        if (primary is not null && known?.Value is { } told)
            primary.Expected = told.Position;
        try
        {
            if (_observing is { IsCompleted: false })
                return; // the last observation hangs, and only one may run at a time
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

    [LoggerMessage(LogLevel.Information, "The lost commits of shard {Shard} were accepted")]
    private partial void LogAccepted(string shard);

    [LoggerMessage(LogLevel.Warning, "The timeline history of shard {Shard} could not be read: {Reason}")]
    private partial void LogNotJudged(string shard, string reason);
}
