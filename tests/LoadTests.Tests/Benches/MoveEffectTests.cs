using System.Diagnostics;
using LoadTests.Benches;
using LoadTests.Cluster;
using LoadTests.Engine;
using LoadTests.Reports;

namespace LoadTests.Tests.Benches;

public sealed class MoveEffectTests
{
    private static readonly long Second = Stopwatch.Frequency;

    [Fact]
    public void A_write_that_was_planned_long_before_the_hand_over_and_answered_in_it_is_its_stall()
    {
        var log = new WriteLog();
        log.Add(new LoggedWrite(11 * Second, 11 * Second + (Second / 100), Slot: 9)); // of another slot
        log.Add(new LoggedWrite(12 * Second, 20 * Second, Slot: 5));
        log.Add(new LoggedWrite(15 * Second, 16 * Second, Slot: 5)); // over before

        var (report, console) = Tell(log, cutoverAt: 20 * Second);

        Assert.Matches(@"by the clients \| +1 \| +8000 ms \| +8000 ms \| +8000 ms \|", console);
        Assert.False(report.HasFailed);
    }

    [Fact]
    public void Without_a_write_under_way_there_is_no_stall_to_tell()
    {
        var log = new WriteLog();
        log.Add(new LoggedWrite(12 * Second, 12 * Second + (Second / 100), Slot: 5));

        var (report, console) = Tell(log, cutoverAt: 20 * Second);

        Assert.Matches(@"by the clients \| +0 \|", console);
        Assert.False(report.HasFailed);
    }

    [Fact]
    public void A_write_that_failed_fails_the_bench()
    {
        var log = new WriteLog();
        log.Add(new LoggedWrite(12 * Second, 12 * Second + (Second / 100), Slot: 5));
        log.Fail("PUT of item 7 was answered with 503");

        Assert.True(Tell(log, cutoverAt: 20 * Second).Report.HasFailed);
    }

    /// <summary>Quiet are the seconds 0 to 10, in which one write took a hundredth of a second; slots move in 10 to 30.</summary>
    private static (Report Report, string Console) Tell(WriteLog log, long cutoverAt)
    {
        var console = new StringWriter();
        var report = new Report("move-effect", "abc1234", DateTimeOffset.UnixEpoch, console);
        log.Add(new LoggedWrite(Second, Second + (Second / 100), Slot: 5));
        var effect = new MoveEffect(log);
        effect.Add((0, 10 * Second), (10 * Second, 30 * Second), [new Cutover([5, 6], cutoverAt, cutoverAt + (Second / 20), TimeSpan.FromMilliseconds(50))]);

        effect.Tell(report, "a move");

        return (report, console.ToString());
    }
}
