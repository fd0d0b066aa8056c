using Chaos.Faults;
using Chaos.Workloads;
using Npgsql;
using ShardCore.RingStorage;

namespace Chaos.Cluster;

/// <summary>Prepares a cluster before the first fault, and brings it to rest after the last one.</summary>
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

    /// <summary>Sets weights that are so large that a change by one is a small part of the ring.</summary>
    public async Task WeighAsync(CancellationToken cancellation)
    {
        string[] arguments = ["rebalance", .. ChaosCluster.FirstShards.SelectMany(shard => new[] { "--weight", $"{shard}=100" }), "--yes"];
        if (await cluster.AdminAsync(cancellation, arguments) is { IsDone: false } failed)
            throw new InvalidOperationException(failed.ToString());
    }

    /// <summary>How long <see cref="SettleAsync"/> keeps trying.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>The right copy of a disputed batch, source or target; null: no batch may become disputed.</summary>
    public string? Keep { get; init; }

    /// <summary>Makes every part run, restores the ring, and completes all moves.</summary>
    /// <returns>The problems that were not solved in time.</returns>
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
                last = e.Message; // a shard may still be recovering
            }
        }
        return [$"not settled after {Patience.TotalSeconds} s: {last}"];
    }

    /// <returns>The problem of this attempt; null: there is none.</returns>
    private async Task<string?> StepAsync(ChaosStage stage, CancellationToken cancellation)
    {
        foreach (var part in (string[])["redis", .. cluster.ShardParts, .. Enumerable.Range(1, ChaosCluster.Routers).Select(number => $"r{number}"), "proxy"])
            if (cluster.ProcessOf(part) is null)
                await cluster.StartPartAsync(part, cancellation);
        if (standbys is not null)
            await standbys.EnsureAllAsync(cancellation); // a synchronous standby that is away delays every commit
        // Resuming needs a ring, and rebuilding the ring may need completed hand-overs.
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

    /// <returns>The number of batches that stand in a journal.</returns>
    private async Task<int> UnfinishedAsync(CancellationToken cancellation)
    {
        var audits = await Task.WhenAll(cluster.ShardIds.Select(shard => ShardAudit.ReadAsync(shard, cluster.Shard(shard).ConnectionString, cancellation)));
        return audits.Sum(audit => audit.Unfinished);
    }
}
