using System.Globalization;
using ShardAdmin.CommandLine;
using ShardAdmin.Output;
using ShardCore.Ring;
using Spectre.Console;

namespace ShardAdmin.Cluster;

/// <summary>One registered router, compared with the ring in Redis.</summary>
/// <param name="Behind">How many epochs its ring is older than the one in Redis.</param>
/// <param name="Ahead">How many epochs its ring is newer than the one in Redis: Redis was set back.</param>
/// <param name="AgeSeconds">The time since its last heartbeat, by the clock of this process.</param>
internal sealed record RouterLine(
    string Id, string Url, string OperationsUrl, long Epoch, long Behind, long Ahead, int InFlight, bool Draining, string Version,
    double AgeSeconds)
{
    public static async Task<IReadOnlyList<RouterLine>> ListAsync(AdminSession session, ShardRing? ring, CancellationToken cancellation)
    {
        var now = TimeProvider.System.GetUtcNow();
        return [.. (await session.Routers.ListAsync(cancellation)).Select(router => new RouterLine(
            router.Id, router.Url, router.OperationsUrl, router.Epoch, Math.Max(0, (ring?.Epoch.Value ?? 0) - router.Epoch),
            ring is null ? 0 : Math.Max(0, router.Epoch - ring.Epoch.Value), router.InFlight,
            router.Draining, router.Version, Math.Round(Math.Max(0, (now - router.At).TotalSeconds), 1)))];
    }

    public static Table Table(IEnumerable<RouterLine> routers)
    {
        var table = Tables.New("router", "url", ">epoch", "ring", ">in flight", "state", "version", ">heartbeat");
        foreach (var router in routers)
            table.Row(
                router.Id, router.Url, $"{router.Epoch}",
                router.Ahead > 0 ? $"{router.Ahead} ahead" : router.Behind > 0 ? $"{router.Behind} behind" : "current",
                $"{router.InFlight}", router.Draining ? "draining" : "serving", router.Version,
                router.AgeSeconds.ToString("0.0 s ago", CultureInfo.InvariantCulture));
        return table;
    }
}
