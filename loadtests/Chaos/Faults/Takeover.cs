using System.Globalization;
using Chaos.Cluster;

namespace Chaos.Faults;

/// <summary>
/// Kills a shard's server for good. Its standby answers at the same address, and gets a new standby.
/// </summary>
/// <param name="Lag">How long an asynchronous standby has stopped receiving before; a synchronous one never stops.</param>
internal sealed record Takeover(string Shard, bool IsSynchronous, TimeSpan Lag) : IChaosStep
{
    /// <summary>Within this time the other parts that faults have taken away come back.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    public string Description => IsSynchronous
        ? $"takeover of {Shard} by its synchronous standby"
        : string.Create(
            CultureInfo.InvariantCulture, $"takeover of {Shard} by its asynchronous standby, which lags {Lag.TotalSeconds:0.0} s");

    public async Task RunAsync(ChaosStage stage, CancellationToken cancellation)
    {
        var standbys = stage.Standbys ?? throw new InvalidOperationException("A cluster without standbys has no takeover.");
        if (stage.Cluster.ProcessOf(Shard) is null)
            await stage.Cluster.StartPartAsync(Shard, CancellationToken.None);
        await standbys.EnsureAsync(Shard, CancellationToken.None);
        if (IsSynchronous)
            await standbys.Of(Shard).TakeOverAsync();
        else
            await standbys.LoseAsync(Shard, Lag, cancellation);
        stage.Log.Count(IsSynchronous ? "takeover by a synchronous standby" : "takeover by an asynchronous standby");
        await standbys.EnsureAsync(Shard, CancellationToken.None);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(Patience);
        if (!await standbys.AcceptAsync(stage, Shard, limit.Token))
            stage.Log.Tell("servers", $"what {Shard} lost is not accepted yet");
    }
}
