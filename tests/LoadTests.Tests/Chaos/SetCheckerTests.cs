using Chaos.Checkers;
using Chaos.Recording;
using static Chaos.Recording.OperationKind;
using static LoadTests.Tests.Chaos.HandMade;

namespace LoadTests.Tests.Chaos;

/// <summary>Times are microseconds, as in a recording: expiry is told in seconds.</summary>
public sealed class SetCheckerTests
{
    private const long Second = 1_000_000;

    private static readonly HistoryOperation Inserted = Ok(Create, 1, 2, version: 10, item: "i");

    [Fact]
    public void What_a_correct_service_may_answer_is_accepted()
    {
        AssertRight(
            Absent(0, 0), Inserted, There(3, 4), Saw(Read, 5, 6, "i"), Ok(Delete, 7, 12, item: "i"), There(8, 9), Absent(10, 11), Absent(13, 14), Saw(Read, 15, 16));
        AssertRight(Inserted, Unknown(Delete, 3, item: "i"), There(4, 5), There(6, 7), Absent(8, 9));
        AssertRight(Unknown(Create, 1, item: "i"), Absent(2, 3), Failed(Delete, 4, 5, item: "i"), Absent(6, 7), There(8, 9)); // lands late
        AssertRight(Ok(Create, 1, 2, version: 10, item: "i", ttl: 2), There(Second, Second + 1), Absent(2 * Second, (2 * Second) + 1));
        AssertRight(Failed(Create, 1, 2, item: "i"), Absent(3, 4));
    }

    [Fact]
    public void A_lost_acknowledged_item_is_caught() => AssertCaught("an acknowledged item is lost", Inserted, Absent(3, 4));

    [Fact]
    public void A_lost_item_is_caught_by_a_scan() => AssertCaught("an acknowledged item is lost", Inserted, Saw(Read, 3, 4));

    [Fact]
    public void An_item_that_expires_too_early_is_caught() =>
        AssertCaught("an acknowledged item is lost", Ok(Create, 1, 2, version: 10, item: "i", ttl: 2), Absent(Second, Second + 1));

    [Fact]
    public void A_deleted_item_that_comes_back_is_caught() => AssertCaught("an item came back", Inserted, Ok(Delete, 3, 4, item: "i"), There(5, 6));

    [Fact]
    public void An_expired_item_that_comes_back_is_caught() =>
        AssertCaught("an item came back", Ok(Create, 1, 2, version: 10, item: "i", ttl: 2), There(3 * Second, (3 * Second) + 1));

    [Fact]
    public void An_item_that_was_seen_to_be_gone_and_comes_back_is_caught() =>
        AssertCaught("an item came back", Inserted, Unknown(Delete, 3, item: "i"), Absent(4, 5), Saw(Read, 6, 7, "i"));

    [Fact]
    public void A_deleted_item_of_an_unknown_insert_that_comes_back_is_caught() =>
        AssertCaught("an item came back", Unknown(Create, 1, item: "i"), There(2, 3), Ok(Delete, 4, 5, item: "i"), There(6, 7));

    [Fact]
    public void An_item_whose_insert_failed_is_caught() => AssertCaught("an item is there whose insert failed", Failed(Create, 1, 2, item: "i"), There(3, 4));

    [Fact]
    public void An_item_that_is_there_too_early_is_caught() => AssertCaught("an item is there before its insert began", There(1, 2), Ok(Create, 3, 4, version: 10, item: "i"));

    [Fact]
    public void An_insert_that_meets_itself_is_caught() => AssertCaught("an item was there before its only insert", Refused(Create, 1, 2, "i", version: 10, item: "i"));

    [Fact]
    public void An_item_of_an_unknown_insert_that_was_seen_and_is_lost_is_caught()
    {
        AssertCaught("an item that was there is lost", Unknown(Create, 1, item: "i"), There(2, 3), Absent(4, 5));
        AssertRight(Unknown(Create, 1, item: "i"), There(2, 3), Unknown(Delete, 4, item: "i"), Absent(5, 6));
    }

    [Fact]
    public void Two_deletes_that_both_succeed_are_caught()
    {
        AssertCaught("two deletes of one insert succeeded", Inserted, Ok(Delete, 3, 4, item: "i"), Ok(Delete, 5, 6, item: "i"));
        AssertCaught("two deletes of one insert succeeded", Inserted, Ok(Delete, 3, 5, item: "i"), Ok(Delete, 4, 6, item: "i"));
        AssertRight(Inserted, Ok(Delete, 3, 5, item: "i"), Refused(Delete, 4, 6, item: "i"));
    }

    [Fact]
    public void A_delete_that_succeeds_before_the_insert_begins_is_caught()
    {
        AssertCaught("an item is there before its insert began", Ok(Delete, 1, 2, item: "i"), Ok(Create, 3, 4, version: 10, item: "i"));
        AssertRight(Ok(Delete, 1, 4, item: "i"), Ok(Create, 2, 5, version: 10, item: "i"));
    }

    [Fact]
    public void A_delete_of_what_was_never_inserted_is_caught()
    {
        AssertCaught("an item is there whose insert failed", Failed(Create, 1, 2, item: "i"), Ok(Delete, 3, 4, item: "i"));
        AssertCaught("nobody inserted x", Inserted, Ok(Delete, 3, 4, item: "x"));
        AssertRight(Failed(Create, 1, 2, item: "i"), Refused(Delete, 3, 4, item: "i"), Refused(Delete, 3, 4, item: "x"));
    }

    [Fact]
    public void A_delete_that_finds_nothing_where_an_acknowledged_item_is_is_caught()
    {
        AssertCaught("an acknowledged item is lost", Inserted, Refused(Delete, 3, 4, item: "i"));
        AssertRight(Inserted, Unknown(Delete, 3, item: "i"), Refused(Delete, 4, 5, item: "i"));
    }

    [Fact]
    public void A_delete_that_succeeds_on_an_item_that_was_gone_is_caught()
    {
        AssertCaught("an item came back", Inserted, Unknown(Delete, 3, item: "i"), Absent(4, 5), Ok(Delete, 6, 7, item: "i"));
        AssertCaught("an acknowledged item is lost", Inserted, Unknown(Delete, 3, item: "i"), Absent(4, 5), Ok(Delete, 6, 7, item: "i"));
        AssertRight(Inserted, Unknown(Delete, 3, item: "i"), Absent(5, 8), Ok(Delete, 6, 7, item: "i"));
    }

    [Fact]
    public void A_document_of_another_item_is_caught()
    {
        var stamped = Ok(Create, 1, 2, "s1/i", version: 10, item: "s1/i");
        AssertCaught("a read shows another item's document", stamped, Ok(Read, 3, 4, "s2/i", version: 10, item: "s1/i"));
        AssertCaught("nobody inserted s2/i", stamped, Saw(Read, 3, 4, "s1/i", "s2/i"));
        AssertRight(stamped, Ok(Read, 3, 4, "s1/i", version: 10, item: "s1/i"), Saw(Read, 3, 4, "s1/i"));
    }

    [Fact]
    public void What_nobody_inserted_is_caught() => AssertCaught("nobody inserted x", Inserted, Saw(Read, 3, 4, "i", "x"));

    private static HistoryOperation There(long from, long to) => Ok(Read, from, to, version: 10, item: "i");

    private static HistoryOperation Absent(long from, long to) => Ok(Read, from, to, item: "i");

    private static void AssertRight(params HistoryOperation[] operations) => Assert.Empty(SetChecker.Check(History(operations)));

    private static void AssertCaught(string rule, params HistoryOperation[] operations) =>
        Assert.Contains(rule, SetChecker.Check(History(operations)).Select(violation => violation.Rule));
}
