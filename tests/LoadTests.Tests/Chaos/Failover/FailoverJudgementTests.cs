using Chaos.Failover;

namespace LoadTests.Tests.Chaos.Failover;

/// <summary>s1's primary is killed at 10 s; the standby is the primary from 14 s on; all is whole at 20 s.</summary>
public sealed class FailoverJudgementTests
{
    private const long Second = 1_000_000;

    private static readonly HostFault Kill = new("s1", HostFaultKind.KillAll, TimeSpan.FromSeconds(3));

    private static readonly FaultRecord Takeover = new(Kill, "s1-a", 10 * Second, 20 * Second, new BranchPoint(1, 0x50, 9 * Second, 14 * Second));

    [Fact]
    public void Writes_that_stop_for_longer_than_allowed_are_a_problem()
    {
        Assert.Empty(Problems(true, Takeover, Writes(Until(10), After(15))));
        Assert.Contains("no write for 7.0 s; 6 s are allowed", Assert.Single(Problems(true, Takeover, Writes(Until(10), After(17)))), StringComparison.Ordinal);
    }

    [Fact]
    public void A_synchronous_shard_loses_no_acknowledged_write()
    {
        var lost = Acknowledged("lost", 9.5);
        Assert.Contains("lost 1 acknowledged", Assert.Single(Problems(true, Takeover, Writes(Until(10), After(14)), lost)), StringComparison.Ordinal);
        Assert.Empty(Problems(true, Takeover, Writes(Until(10), After(14)), lost with { Status = 504 }));
    }

    [Fact]
    public void An_asynchronous_shard_loses_what_lay_behind_the_branch_point_and_nothing_else()
    {
        var writes = Writes(Until(10), After(14));
        Assert.Empty(Problems(false, Takeover, writes, Acknowledged("behind", 9.5)));
        Assert.Contains("before the branch point", Assert.Single(Problems(false, Takeover, writes, Acknowledged("before", 8.9))), StringComparison.Ordinal);
        Assert.Contains("behind the takeover", Assert.Single(Problems(false, Takeover, writes, Acknowledged("late", 17.1))), StringComparison.Ordinal);
        Assert.Contains("no standby took over", Assert.Single(Problems(false, Takeover with { Branch = null }, writes, Acknowledged("x", 9.5))), StringComparison.Ordinal);
        Assert.Contains("no standby took over", Assert.Single(Problems(false, Takeover, writes, lostElsewhere: Acknowledged("x", 9.5))), StringComparison.Ordinal);
    }

    [Fact]
    public void A_fault_is_told_with_the_pause_of_its_shard_and_of_the_others_and_what_it_lost()
    {
        var row = Judgement(false, Takeover, Writes(Until(10), After(14)), Acknowledged("behind", 10.01)).Rows().Single();
        Assert.Equal(["10 s", "KillAll", "s1-a", "yes", "4.0 s", "0.10 s", "1 ms", "1 ms", "1.00"], row[..9]);
        Assert.Equal("1", row[^1]);
    }

    private static IEnumerable<string> Problems(
        bool isSynchronous, FaultRecord record, ProbeWrite[] writes, ProbeWrite? lost = null, ProbeWrite? lostElsewhere = null) =>
        Judgement(isSynchronous, record, writes, lost, lostElsewhere).Problems();

    private static FailoverJudgement Judgement(
        bool isSynchronous, FaultRecord record, ProbeWrite[] writes, ProbeWrite? lost = null, ProbeWrite? lostElsewhere = null)
    {
        ProbeWrite[] others = Writes(Until(10), After(10));
        return new FailoverJudgement(
            [record],
            new Dictionary<string, IReadOnlyList<ProbeWrite>>(StringComparer.Ordinal)
            {
                ["s1"] = [.. writes, .. lost is { } each ? [each] : (ProbeWrite[])[]],
                ["s2"] = [.. others, .. lostElsewhere is { } other ? [other] : (ProbeWrite[])[]],
            },
            new Dictionary<string, IReadOnlySet<string>>(StringComparer.Ordinal)
            {
                ["s1"] = writes.Select(write => write.Id).ToHashSet(StringComparer.Ordinal),
                ["s2"] = others.Select(write => write.Id).ToHashSet(StringComparer.Ordinal),
            },
            TimeSpan.FromSeconds(6), isSynchronous);
    }

    /// <summary>Ten a second, each within 1 ms.</summary>
    private static ProbeWrite[] Writes(IEnumerable<double> before, IEnumerable<double> after) =>
        [.. before.Concat(after).Select(at => Acknowledged(FormattableString.Invariant($"w{at:0.0}"), at))];

    private static IEnumerable<double> Until(int second) => Enumerable.Range(0, (second * 10) + 1).Select(tenth => tenth / 10.0);

    private static IEnumerable<double> After(int second) =>
        Enumerable.Range((second * 10) + 1, 300 - (second * 10)).Select(tenth => tenth / 10.0).Prepend(second);

    private static ProbeWrite Acknowledged(string id, double second) => new(id, (long)(second * Second) - 1000, (long)(second * Second), 201);
}
