using LoadTests.Chaos.Faults;
using LoadTests.Chaos.Workloads;
using Npgsql;
using ShardCore.RingStorage;

namespace LoadTests.Chaos.Cluster;

/// <summary>A cluster before the first fault and after the last one.</summary>
/// <param name="standbys">Null: no shard has one.</param>
internal sealed class ClusterRest(ChaosCluster cluster, ChaosLog log, StandbySet? standbys = null)
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan AcceptanceLimit = TimeSpan.FromSeconds(60);

    public async Task CreateCollectionsAsync(CancellationToken cancellation)
    {
        using var client = new HttpClient { BaseAddress = cluster.Proxy };
        foreach (var collection in WorkloadSet.Collections)
            (await client.PutAsync(new Uri($"/v1/collections/{collection}", UriKind.Relative), null, cancellation)).EnsureSuccessStatusCode();
    }

    /// <summary>Weights of which a step is a small part of the ring.</summary>
    public async Task WeighAsync(CancellationToken cancellation)
    {
        string[] arguments = ["rebalance", .. ChaosCluster.FirstShards.SelectMany(shard => new[] { "--weight", $"{shard}=100" }), "--yes"];
        if (await cluster.AdminAsync(cancellation, arguments) is { IsDone: false } failed)
            throw new InvalidOperationException(failed.ToString());
    }

    /// <summary>How long <see cref="SettleAsync"/> goes on trying.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>Which copy of a disputed batch is right, source or target; null: no batch may come to be disputed.</summary>
    public string? Keep { get; init; }

    /// <summary>Every part runs, the ring is there, and no move is unfinished.</summary>
    /// <returns>What would not end well in all the time that it had.</returns>
    public async Task<IReadOnlyList<string>> SettleAsync(CancellationToken cancellation)
    {
        var stage = new ChaosStage(cluster, log, () => []);
        var last = "";
        for (var clock = System.Diagnostics.Stopwatch.StartNew(); clock.Elapsed < Patience; await Task.Delay(Pause, cancellation))
        {
            try
            {
                if (await StepAsync(stage, cancellation) is not { } failed)
                    return [];
                last = failed;
            }
            catch (Exception e) when (e is NpgsqlException or RedisUnavailableException)
            {
                last = e.Message; // a shard that still recovers
            }
        }
        return [$"not settled after {Patience.TotalSeconds} s: {last}"];
    }

    /// <returns>Null: all is settled. Else what the last attempt at it said.</returns>
    private async Task<string?> StepAsync(ChaosStage stage, CancellationToken cancellation)
    {
        foreach (var part in (string[])["redis", .. cluster.ShardParts, .. Enumerable.Range(1, ChaosCluster.Routers).Select(number => $"r{number}"), "proxy"])
            if (cluster.ProcessOf(part) is null)
                await cluster.StartPartAsync(part, cancellation);
        if (standbys is not null)
            await standbys.EnsureAllAsync(cancellation); // a synchronous one that is away holds every commit up
        // Resuming needs a ring, and a ring may need what resuming brings to its end.
        var hasRing = await cluster.RingAsync(cancellation) is not null;
        if (hasRing && standbys is not null)
            await AcceptAsync(stage, standbys, cancellation);
        if (hasRing && await UnfinishedAsync(cancellation) == 0)
            return null;
        var rebuilt = hasRing ? null : await stage.AdminAsync(cancellation, "ring", "rebuild", "--yes");
        if (rebuilt is { IsDone: true })
            return rebuilt.ToString();
        var resumed = Keep is null ? (await stage.AdminAsync(cancellation, "ops", "resume")).ToString() : await new NamedCommands(stage, Keep).ResumeAsync(cancellation);
        return $"{rebuilt}\n{resumed}";
    }

    private static async Task AcceptAsync(ChaosStage stage, StandbySet standbys, CancellationToken cancellation)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(AcceptanceLimit);
        await standbys.AcceptAllAsync(stage, limit.Token);
    }

    /// <returns>Batches that stand in a journal.</returns>
    private async Task<int> UnfinishedAsync(CancellationToken cancellation)
    {
        var audits = await Task.WhenAll(cluster.ShardIds.Select(shard => ShardAudit.ReadAsync(shard, cluster.Shard(shard).ConnectionString, cancellation)));
        return audits.Sum(audit => audit.Unfinished);
    }
}
