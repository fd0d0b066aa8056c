using Chaos.Failover;

namespace LoadTests.Tests.Chaos.Failover;

/// <summary>What nftables is told; that the rules do it is seen in a run.</summary>
public sealed class NetworkCutsTests
{
    private static readonly FailoverHost A = new("s1-a", 5541, 8401), B = new("s1-b", 5542, 8402);

    [Fact]
    public void A_connection_is_marked_by_the_group_of_who_opened_it() => Assert.Equal(
        """
        add table ip t
        add chain ip t owner { type filter hook output priority -150 ; }
        add rule ip t owner ct state new meta skgid 5541 ct mark set 5541
        add rule ip t owner ct state new meta skgid 5542 ct mark set 5542
        add chain ip t cut { type filter hook input priority 0 ; }

        """,
        NetworkCuts.TableOf("t", [A, B]));

    [Fact]
    public void A_host_that_is_cut_off_reaches_itself_and_nothing_else_and_nothing_else_reaches_it() => Assert.Equal(
        [
            "ct mark 5541 tcp dport != { 5541, 8401 } tcp sport != { 5541, 8401 }",
            "ct mark != 5541 tcp dport { 5541, 8401 }",
            "ct mark != 5541 tcp sport { 5541, 8401 }",
        ],
        NetworkCuts.DropsOf(A, B, HostFaultKind.CutOff, 8380));

    [Fact]
    public void Etcd_and_the_other_host_are_cut_off_each_alone_or_both()
    {
        string[] etcd = ["ct mark 5541 tcp dport 8380", "ct mark 5541 tcp sport 8380"];
        string[] standby =
        [
            "ct mark 5541 tcp dport { 5542, 8402 }", "ct mark 5541 tcp sport { 5542, 8402 }",
            "ct mark 5542 tcp dport { 5541, 8401 }", "ct mark 5542 tcp sport { 5541, 8401 }",
        ];
        Assert.Equal(etcd, NetworkCuts.DropsOf(A, B, HostFaultKind.CutFromEtcd, 8380));
        Assert.Equal(standby, NetworkCuts.DropsOf(A, B, HostFaultKind.CutFromStandby, 8380));
        Assert.Equal([.. etcd, .. standby], NetworkCuts.DropsOf(A, B, HostFaultKind.CutFromBoth, 8380));
    }
}
