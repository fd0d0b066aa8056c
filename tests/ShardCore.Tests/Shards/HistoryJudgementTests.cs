using NpgsqlTypes;
using ShardCore.Shards.Failover;
using ShardCore.Shards.History;

namespace ShardCore.Tests.Shards;

/// <summary>Whether a server still has what was seen of its log before.</summary>
public sealed class HistoryJudgementTests
{
    private const string Second = "1\t0/5000\tno recovery target specified\n";
    private const string Third = Second + "2\t0/8000\tno recovery target specified\n";

    [Theory]
    [InlineData("a 1 0/5000", "a 1 0/5000", null, HistoryVerdict.SameOrLater, null)]
    [InlineData("a 1 0/5000", "a 1 1/0", null, HistoryVerdict.SameOrLater, null)]
    [InlineData("a 1 0/5000", "a 1 0/4FFF", null, HistoryVerdict.LostCommits, 1L)] // restored on the same timeline
    [InlineData("a 1 1/0", "a 1 0/FFFFFF00", null, HistoryVerdict.LostCommits, 256L)]
    [InlineData("a 1 0/5000", "a 2 0/5001", Second, HistoryVerdict.SameOrLater, null)] // promoted, and it had all of it
    [InlineData("a 1 0/4000", "a 2 0/9000", Second, HistoryVerdict.SameOrLater, null)]
    [InlineData("a 1 0/5010", "a 2 0/9000", Second, HistoryVerdict.LostCommits, 16L)] // promoted, and it lacked the last of it
    [InlineData("a 1 0/6000", "a 3 0/9000", Third, HistoryVerdict.LostCommits, 4096L)] // promoted twice, the first lacked some
    [InlineData("a 2 0/7000", "a 3 0/9000", Third, HistoryVerdict.SameOrLater, null)]
    [InlineData("a 2 0/9000", "a 3 0/9000", Third, HistoryVerdict.LostCommits, 4096L)]
    [InlineData("a 2 0/5000", "a 3 0/9000", Second, HistoryVerdict.LostCommits, null)] // timeline 3 comes from 1, not from 2
    [InlineData("a 2 0/5000", "a 1 0/9000", null, HistoryVerdict.LostCommits, null)] // the old primary again
    [InlineData("a 1 0/5000", "b 1 0/9000", null, HistoryVerdict.AnotherServer, null)]
    [InlineData("a 1 0/5000", "b 2 0/9000", Second, HistoryVerdict.AnotherServer, null)]
    public void A_server_is_judged_by_what_was_seen_of_it(string kept, string now, string? history, HistoryVerdict verdict, long? lostBytes)
    {
        var (before, after) = (Position(kept), Position(now));

        var judged = HistoryJudgement.Of(before, after, history is null ? null : TimelineHistory.Parse(after.Timeline, history));

        Assert.Equal(new HistoryJudgement(verdict, lostBytes), judged);
    }

    [Fact]
    public void A_later_timeline_whose_history_nobody_may_read_is_no_proof_of_anything()
    {
        var (kept, now) = (Position("a 1 0/5000"), Position("a 2 0/9000"));

        Assert.True(HistoryJudgement.NeedsTimelines(kept, now));
        foreach (var unread in new[] { null, new TimelineHistory(2, null), TimelineHistory.Parse(3, Second) })
            Assert.Equal(new HistoryJudgement(HistoryVerdict.LostCommits, IsHistoryUnread: true), HistoryJudgement.Of(kept, now, unread));
        Assert.False(HistoryJudgement.NeedsTimelines(kept, kept));
        Assert.False(HistoryJudgement.NeedsTimelines(now, kept));
    }

    [Fact]
    public void A_history_file_may_have_comments_and_blank_lines()
    {
        var history = TimelineHistory.Parse(3, "# by hand\n\n" + Third);

        Assert.Equal(["0/5000", "0/8000"], history.Switches!.OrderBy(each => each.Key).Select(each => each.Value.ToString()));
    }

    [Theory]
    [InlineData("7 0000000A 0/5000 0/4000", "7 10 0/5000", "7 10 0/4000")]
    [InlineData("7 00000001 0/5000", "7 1 0/5000", null)] // no synchronous standby is there
    [InlineData("", null, null)]
    [InlineData(null, null, null)]
    public void A_reading_is_what_the_server_has_and_what_its_standbys_confirmed(string? text, string? now, string? confirmed)
    {
        var reading = ShardReading.TryParse(text);

        Assert.Equal((now, confirmed), (reading?.Now.ToString(), reading?.Confirmed?.ToString()));
    }

    [Theory]
    [InlineData("")]
    [InlineData("a 1")]
    [InlineData("a -1 0/5000")]
    [InlineData("a 1 5000")]
    [InlineData("a 1 0/5000 x")]
    public void What_is_no_position_is_refused(string text) => Assert.Null(ShardPosition.TryParse(text));

    [Theory]
    [InlineData("a 1 0/5000", "a 1 0/4000", true)]
    [InlineData("a 2 0/4000", "a 1 0/5000", true)]
    [InlineData("a 1 0/5000", "a 1 0/5000", false)]
    [InlineData("a 1 0/5000", "a 2 0/4000", false)]
    public void Positions_have_an_order_along_their_history(string one, string other, bool isAfter) =>
        Assert.Equal(isAfter, Position(one).IsAfter(Position(other)));

    [Theory]
    [InlineData("a 1 0/5000", "b 1 0/1", null, "another server")]
    [InlineData("a 1 0/5000", "a 1 0/1", 20479L, "20,479 bytes")]
    [InlineData("a 1 0/5010", "a 2 0/9000", 16L, "before 0/5000, so 16 bytes")]
    [InlineData("a 2 0/5000", "a 3 0/9000", null, "How much is lost is unknown")]
    public void A_loss_tells_what_was_seen_and_how_much_is_lost(string kept, string found, long? bytes, string told)
    {
        var loss = new ShardLoss(Position(kept), Position(found), bytes, IsHistoryUnread: false, DateTimeOffset.UnixEpoch, "test");

        Assert.Contains(told, loss.Describe(), StringComparison.Ordinal);
    }

    private static ShardPosition Position(string text) => ShardPosition.TryParse(text) ?? throw new FormatException(text);
}
