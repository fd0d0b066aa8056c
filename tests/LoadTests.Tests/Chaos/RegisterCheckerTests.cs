using Chaos.Checkers;
using Chaos.Recording;
using static Chaos.Recording.OperationKind;
using static LoadTests.Tests.Chaos.HandMade;

namespace LoadTests.Tests.Chaos;

public sealed class RegisterCheckerTests
{
    private static readonly HistoryOperation Created = Ok(Create, 1, 2, "v1", version: 10);

    [Fact]
    public void What_a_correct_service_may_answer_is_accepted()
    {
        AssertRight(
            Created,
            Ok(Replace, 3, 9, "v2", version: 20, expected: 10), Ok(Read, 4, 5, "v1", version: 10), Ok(Read, 6, 7, "v2", version: 20), // takes effect between the two reads
            Refused(Replace, 10, 11, "v3", version: 20, expected: 10), Refused(Create, 10, 11, "v4", version: 20),
            Unknown(Replace, 12, "v5", expected: 20), Ok(Read, 13, 14, "v2", version: 20), Ok(Read, 20, 21, "v5", version: 30), // lands long after its client gave up
            Unknown(Put, 22, "v6"), Refused(Replace, 23, 24, "v7", version: 40, expected: 30), // only a refusal tells of it
            Ok(Put, 25, 26, "v8", version: 50), Failed(Read, 27, 28), Ok(Read, 29, 30, "v8", version: 50));
        AssertRight(Ok(Read, 1, 2), Unknown(Create, 3, "v1"), Ok(Read, 4, 5), Ok(Replace, 6, 7, "v2", version: 20, expected: 10));
    }

    [Fact]
    public void A_read_that_goes_back_is_caught() =>
        AssertCaught("a version went back", Created, Ok(Put, 3, 4, "v2", version: 20), Ok(Read, 5, 6, "v1", version: 10));

    [Fact]
    public void A_read_that_goes_back_behind_another_read_of_a_write_of_unknown_outcome_is_caught() =>
        AssertCaught("a version went back", Created, Unknown(Put, 3, "v2"), Ok(Read, 4, 5, "v2", version: 20), Ok(Read, 6, 7, "v1", version: 10));

    [Fact]
    public void A_lost_acknowledged_write_is_caught_by_the_write_that_takes_its_place() =>
        AssertCaught("two writes succeeded on one version", Created, Ok(Replace, 3, 4, "v2", version: 20, expected: 10), Ok(Replace, 5, 6, "v3", version: 30, expected: 10));

    [Fact]
    public void A_conditional_write_over_another_one_is_caught() => AssertCaught(
        "a write on condition succeeded although another came between",
        Created, Ok(Put, 3, 8, "v2", version: 20), Ok(Replace, 4, 7, "v3", version: 30, expected: 10));

    [Fact]
    public void A_create_over_an_item_is_caught() =>
        AssertCaught("a write that wanted no item succeeded over one", Created, Ok(Create, 3, 4, "v2", version: 20));

    [Fact]
    public void An_item_that_vanished_is_caught() => AssertCaught("the item is gone, and nobody deleted it", Created, Ok(Read, 3, 4));

    [Fact]
    public void A_refusal_that_finds_nothing_is_caught() =>
        AssertCaught("the item is gone, and nobody deleted it", Created, Refused(Replace, 3, 4, "v2", version: null, expected: 10));

    [Fact]
    public void A_refusal_for_no_reason_is_caught() =>
        AssertCaught("a write was refused although the version that it named was there", Created, Refused(Replace, 3, 4, "v2", version: 10, expected: 10));

    [Fact]
    public void A_write_that_failed_and_is_read_is_caught() =>
        AssertCaught("a read shows a version that nobody wrote", Created, Failed(Put, 3, 4, "v2"), Ok(Read, 5, 6, "v2", version: 20));

    [Fact]
    public void Another_value_than_was_written_is_caught() => AssertCaught(
        "a read shows a version with another value than was written", Created, Ok(Put, 3, 4, "v2", version: 20), Ok(Read, 5, 6, "v1", version: 20));

    [Fact]
    public void What_is_read_before_it_is_written_is_caught() =>
        AssertCaught("a read shows what was written after it", Created, Ok(Read, 3, 4, "v2", version: 20), Ok(Put, 5, 6, "v2", version: 20));

    [Fact]
    public void A_write_that_was_applied_twice_is_caught() => AssertCaught(
        "one write has the versions 20 and 30: it was applied more than once",
        Created, Unknown(Put, 3, "v2"), Ok(Read, 4, 5, "v2", version: 20), Ok(Read, 6, 7, "v2", version: 30));

    [Fact]
    public void One_version_of_two_writes_is_caught() =>
        AssertCaught("two writes have one version", Created, Ok(Put, 3, 6, "v2", version: 20), Ok(Put, 3, 6, "v3", version: 20));

    [Fact]
    public void A_version_that_is_not_above_what_was_known_is_caught() =>
        AssertCaught("a version went back", Ok(Create, 1, 2, "v1", version: 50), Ok(Put, 3, 4, "v2", version: 20));

    [Fact]
    public void A_refusal_by_a_version_that_nobody_can_have_written_is_caught() =>
        AssertCaught("a refusal names a version that nobody wrote", Created, Refused(Replace, 3, 4, "v2", version: 15, expected: 10));

    [Fact]
    public void A_version_in_a_refusal_is_excused_only_by_an_unknown_write_that_can_have_it()
    {
        const string rule = "a refusal names a version that nobody wrote";
        var refusal = Refused(Replace, 5, 6, "v2", version: 20, expected: 10);
        var higher = Ok(Put, 1, 4, "v0", version: 15);

        AssertCaught(rule, Created, refusal, Unknown(Put, 7, "v3")); // began after it was told of
        AssertCaught(rule, Created, refusal, Unknown(Replace, 3, "v3", expected: 20)); // would have a higher version
        AssertCaught(rule, Created, higher, refusal, Unknown(Replace, 4, "v3", expected: 10)); // another came between
        AssertCaught(rule, Created, refusal, Unknown(Create, 3, "v3")); // the item was there
        AssertCaught(rule, Created, Ok(Put, 3, 4, "v3", version: 30), Unknown(Put, 5, "v4"), Refused(Replace, 3, 8, "v2", version: 20, expected: 10)); // began after a higher one was known
        AssertCaught(rule, Created, Unknown(Put, 3, "v3"), refusal, Refused(Replace, 5, 6, "v4", version: 30, expected: 10)); // one for two versions
        AssertCaught(rule, Created, Unknown(Put, 3, "v3") with { Version = 21 }, refusal); // it was acknowledged with another version
        AssertCaught(rule, Created, Unknown(Put, 3, "v3"), Ok(Read, 4, 5, "v3", version: 30), Refused(Replace, 3, 6, "v2", version: 20, expected: 10)); // it has another version
        AssertCaught(rule, Created, Failed(Put, 3, 4, "v3"), Unknown(Delete, 3), refusal);

        AssertRight(Created, refusal, Unknown(Put, 3, "v3"));
        AssertRight(Created, refusal, Unknown(Replace, 3, "v3", expected: 10));
        AssertRight(Created, Unknown(Put, 3, "v3") with { Version = 20 }, refusal);
        AssertRight(Created, refusal, Unknown(Delete, 3), Unknown(Create, 4, "v3"));
        AssertRight(Created, Unknown(Put, 3, "v3"), Unknown(Put, 3, "v4"), refusal, Refused(Replace, 5, 6, "v5", version: 30, expected: 10));
    }

    [Fact]
    public void A_condition_that_held_on_a_version_that_nobody_wrote_is_caught()
    {
        AssertCaught("a condition held on a version that nobody wrote", Created, Failed(Put, 3, 4, "v2"), Ok(Replace, 5, 6, "v3", version: 30, expected: 20));
        AssertRight(Created, Unknown(Put, 3, "v2"), Ok(Replace, 5, 6, "v3", version: 30, expected: 20));
    }

    private static void AssertRight(params HistoryOperation[] operations) => Assert.Empty(RegisterChecker.Check(History(operations)));

    private static void AssertCaught(string rule, params HistoryOperation[] operations) =>
        Assert.Contains(rule, RegisterChecker.Check(History(operations)).Select(violation => violation.Rule));
}
