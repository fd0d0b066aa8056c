using Chaos.Cluster;
using Workbench;

namespace Chaos.Failover;

/// <summary>Makes a fault at a host, and ends it.</summary>
internal sealed class HostStrike(ChaosCluster cluster, FailoverHost host, HostFaultKind kind)
{
    private int? _patroni;
    private int? _postmaster;

    public async Task BeginAsync()
    {
        (_patroni, _postmaster) = (cluster.ProcessOf(host.Name), cluster.PostmasterOf(host));
        switch (kind)
        {
            case HostFaultKind.KillPostgres:
                Each(_postmaster, ProcessTree.KillAll);
                break;
            case HostFaultKind.KillAll:
                Each(_patroni, ProcessTree.KillAll);
                Each(_postmaster, ProcessTree.KillAll);
                break;
            case HostFaultKind.HangAll:
                Each(_patroni, ProcessTree.StopAll);
                Each(_postmaster, ProcessTree.StopAll);
                break;
            case HostFaultKind.KillPatroni:
                Each(_patroni, ProcessTree.KillOne);
                break;
            case HostFaultKind.HangPatroni:
                Each(_patroni, ProcessTree.StopOne);
                break;
            case HostFaultKind.Switchover:
                await cluster.HaAsync("switchover", host.Shard);
                break;
            default:
                await cluster.Cuts!.CutAsync(host, kind);
                break;
        }
    }

    public async Task EndAsync()
    {
        switch (kind)
        {
            case HostFaultKind.HangAll:
                Each(_postmaster, ProcessTree.ContinueAll);
                Each(_patroni, ProcessTree.ContinueAll);
                break;
            case HostFaultKind.HangPatroni:
                Each(_patroni, ProcessTree.ContinueOne);
                break;
            case HostFaultKind.KillAll or HostFaultKind.KillPatroni:
                await cluster.StartPartAsync(host.Name, CancellationToken.None);
                break;
            case HostFaultKind.KillPostgres or HostFaultKind.Switchover:
                break; // Patroni ends it by itself
            default:
                await cluster.Cuts!.RestoreAsync();
                break;
        }
    }

    private static void Each(int? process, Action<int> signal)
    {
        if (process is { } number)
            signal(number);
    }
}
