using System.Globalization;
using Workbench;

namespace Chaos.Failover;

/// <summary>
/// Cuts a host off, although all parts are on 127.0.0.1: rules of nftables drop the packets of its connections. It needs root.
/// </summary>
/// <remarks>
/// The group of a process tells which host opened a connection: each host's processes have their own group, and the first packet writes it
/// into the connection's mark. The port tells the other end. Connections within the host, such as Patroni's to its Postgres, keep working.
/// </remarks>
internal sealed class NetworkCuts : IAsyncDisposable
{
    private readonly string _table;
    private readonly IReadOnlyList<FailoverHost> _hosts;
    private readonly int _etcdPort;

    private NetworkCuts(string table, IReadOnlyList<FailoverHost> hosts, int etcdPort) => (_table, _hosts, _etcdPort) = (table, hosts, etcdPort);

    /// <summary>Call it before the hosts start: a connection that was opened earlier has no mark.</summary>
    /// <returns>Null: nftables is not available on this machine or for this user.</returns>
    public static async Task<NetworkCuts?> TryOpenAsync(IReadOnlyList<FailoverHost> hosts, int etcdPort)
    {
        var cuts = new NetworkCuts(string.Create(CultureInfo.InvariantCulture, $"sharding_chaos_{etcdPort}"), hosts, etcdPort);
        try
        {
            await RunAsync(TableOf(cuts._table, hosts));
            return cuts;
        }
        catch (Exception e) when (e is System.ComponentModel.Win32Exception or WrongAnswerException)
        {
            return null;
        }
    }

    /// <param name="kind">One of the cuts.</param>
    public Task CutAsync(FailoverHost host, HostFaultKind kind)
    {
        var peer = _hosts.Single(each => each.Shard == host.Shard && each != host);
        return RunAsync(string.Concat(DropsOf(host, peer, kind, _etcdPort).Select(drop => $"add rule ip {_table} cut {drop} drop\n")));
    }

    /// <summary>Ends the cut.</summary>
    public Task RestoreAsync() => RunAsync($"flush chain ip {_table} cut\n");

    public async ValueTask DisposeAsync() => await RunAsync($"delete table ip {_table}\n");

    /// <summary>The definition of the table. A pure function.</summary>
    internal static string TableOf(string table, IReadOnlyList<FailoverHost> hosts) =>
        $"add table ip {table}\n"
        + $"add chain ip {table} owner {{ type filter hook output priority -150 ; }}\n"
        + string.Concat(hosts.Select(host => string.Create(
            CultureInfo.InvariantCulture, $"add rule ip {table} owner ct state new meta skgid {host.Group} ct mark set {host.Group}\n")))
        + $"add chain ip {table} cut {{ type filter hook input priority 0 ; }}\n";

    /// <summary>
    /// The rules for the dropped packets. A pure function. A port on which a server listens identifies both directions, because all ports
    /// of clients are above these ports.
    /// </summary>
    internal static IEnumerable<string> DropsOf(FailoverHost host, FailoverHost peer, HostFaultKind kind, int etcdPort)
    {
        var etcd = Between(By(host), string.Create(CultureInfo.InvariantCulture, $"{etcdPort}"));
        string[] standby = [.. Between(By(host), PortsOf(peer)), .. Between(By(peer), PortsOf(host))];
        return kind switch
        {
            HostFaultKind.CutOff =>
            [
                $"{By(host)} tcp dport != {PortsOf(host)} tcp sport != {PortsOf(host)}",
                .. Between(By(host).Replace("mark", "mark !=", StringComparison.Ordinal), PortsOf(host)),
            ],
            HostFaultKind.CutFromEtcd => etcd,
            HostFaultKind.CutFromStandby => standby,
            HostFaultKind.CutFromBoth => [.. etcd, .. standby],
            _ => throw new ArgumentOutOfRangeException(nameof(kind)),
        };
    }

    private static string By(FailoverHost host) => string.Create(CultureInfo.InvariantCulture, $"ct mark {host.Group}");

    private static string PortsOf(FailoverHost host) => string.Create(CultureInfo.InvariantCulture, $"{{ {host.Port}, {host.PatroniPort} }}");

    private static string[] Between(string by, string ports) => [$"{by} tcp dport {ports}", $"{by} tcp sport {ports}"];

    private static async Task RunAsync(string commands)
    {
        var file = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(file, commands);
            await OtherProgram.RunAsync("nft", ["-f", file], null, CancellationToken.None);
        }
        finally
        {
            File.Delete(file);
        }
    }
}
