using System.Globalization;
using System.Text.Json;

namespace Chaos.Failover;

/// <summary>Asks the Patronis of a shard about its state, through their REST interface.</summary>
internal sealed class PatroniView(IReadOnlyList<FailoverHost> hosts) : IDisposable
{
    private static readonly Version RaisesTtl = new(3, 1);

    private readonly HttpClient _http = new() { Timeout = TimeSpan.FromSeconds(2) };

    /// <returns>The primary, and whether a standby may take over; null: no Patroni answers, or there is no primary.</returns>
    public async Task<(FailoverHost? Primary, bool HasStandby)> LookAsync(string shard, bool isSynchronous)
    {
        foreach (var host in hosts.Where(host => host.Shard == shard))
            if (await ReadAsync(host, "cluster") is { } cluster)
            {
                var members = Members(cluster.RootElement);
                if (members.FirstOrDefault(member => member.Role is "leader" && member.State == "running") is not { Name: not null } leader)
                    continue;
                var standby = members.Any(member => member.State is "running" or "streaming" && member.Timeline == leader.Timeline
                    && member.Role == (isSynchronous ? "sync_standby" : "replica"));
                return (hosts.Single(each => each.Name == leader.Name), standby);
            }
        return (null, false);
    }

    /// <summary>How long a primary may be silent: the configured ttl, which Patroni 3.1 and later raise to at least 20 s.</summary>
    public async Task<TimeSpan> TtlAsync()
    {
        foreach (var host in hosts)
            if (await ReadAsync(host, "config") is { } config && await ReadAsync(host, "patroni") is { } patroni)
            {
                var ttl = config.RootElement.GetProperty("ttl").GetInt32();
                var version = Version.Parse(patroni.RootElement.GetProperty("patroni").GetProperty("version").GetString()!);
                return TimeSpan.FromSeconds(version < RaisesTtl ? ttl : Math.Max(20, ttl));
            }
        throw new InvalidOperationException("No Patroni answers.");
    }

    public void Dispose() => _http.Dispose();

    private static Member[] Members(JsonElement cluster) =>
    [
        .. cluster.GetProperty("members").EnumerateArray().Select(member => new Member(
            member.GetProperty("name").GetString()!, member.GetProperty("role").GetString()!, member.GetProperty("state").GetString()!,
            member.TryGetProperty("timeline", out var timeline) ? timeline.GetInt32() : 0)),
    ];

    private async Task<JsonDocument?> ReadAsync(FailoverHost host, string path)
    {
        try
        {
            var uri = new Uri(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{host.PatroniPort}/{path}"));
            using var answer = await _http.GetAsync(uri);
            return JsonDocument.Parse(await answer.Content.ReadAsStringAsync());
        }
        catch (Exception e) when (e is HttpRequestException or TaskCanceledException or JsonException)
        {
            return null;
        }
    }

    private sealed record Member(string Name, string Role, string State, int Timeline);
}
