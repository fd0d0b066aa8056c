using Chaos.Checkers;
using Chaos.Recording;
using static Chaos.Recording.OperationKind;
using static LoadTests.Tests.Chaos.HandMade;

namespace LoadTests.Tests.Chaos;

public sealed class AppendCheckerTests
{
    private static readonly HistoryOperation A = Ok(Create, 1, 2, "a", version: 10);
    private static readonly HistoryOperation B = Ok(Replace, 3, 4, "b", version: 20, expected: 10);

    [Fact]
    public void What_a_correct_service_may_answer_is_accepted()
    {
        AssertRight(
            Ok(Read, 0, 0), A, Saw(Read, 2, 3, "a"), B, Unknown(Replace, 5, "c", 20), Refused(Replace, 5, 6, "d", 30, 20), Saw(Read, 6, 7, "a", "b"),
            Unknown(Replace, 8, "e", 20), Saw(Read, 20, 21, "a", "b", "c"));
        AssertRight(A, Failed(Read, 3, 4));
        AssertRight(A, Ok(Replace, 3, 9, "b", 20, 10), Saw(Read, 4, 5, "a", "b"), Saw(Read, 10, 11, "a", "b"));
    }

    [Fact]
    public void A_lost_acknowledged_append_is_caught() => AssertCaught("an acknowledged append is lost", A, B, Saw(Read, 5, 6, "a"));

    [Fact]
    public void A_lost_list_is_caught() => AssertCaught("an acknowledged append is lost", A, Ok(Read, 5, 6));

    [Fact]
    public void An_append_that_stands_there_twice_is_caught() => AssertCaught("b stands in the list twice", A, B, Saw(Read, 5, 6, "a", "b", "b"));

    [Fact]
    public void An_append_that_failed_and_stands_there_is_caught() =>
        AssertCaught("an append that failed is in the list", A, Refused(Replace, 3, 4, "c", 20, 10), Saw(Read, 5, 6, "a", "c"));

    [Fact]
    public void What_nobody_appended_is_caught() => AssertCaught("nobody appended x", A, Saw(Read, 5, 6, "a", "x"));

    [Fact]
    public void The_list_of_another_partition_is_caught()
    {
        var append = Ok(Create, 1, 2, "a1/l#1", version: 10);
        AssertCaught("nobody appended a2/l#1", append, Saw(Read, 3, 4, "a2/l#1"), Saw(Read, 5, 6, "a1/l#1"));
        AssertRight(append, Saw(Read, 3, 4, "a1/l#1"), Saw(Read, 5, 6, "a1/l#1"));
    }

    [Fact]
    public void A_read_that_is_no_beginning_is_caught() => AssertCaught(
        "a read is not a beginning of the last one", A, Unknown(Replace, 3, "b", 10), Saw(Read, 4, 5, "a", "b"), Ok(Replace, 6, 7, "c", 30, 10), Saw(Read, 8, 9, "a", "c"));

    [Fact]
    public void A_read_that_goes_back_is_caught() => AssertCaught("a read went back", A, B, Saw(Read, 5, 6, "a"), Saw(Read, 7, 8, "a", "b"));

    [Fact]
    public void An_order_against_real_time_is_caught() =>
        AssertCaught("an append stands behind one that began after it was acknowledged", A, B, Saw(Read, 5, 6, "b", "a"));

    private static void AssertRight(params HistoryOperation[] operations) => Assert.Empty(AppendChecker.Check(History(operations)));

    private static void AssertCaught(string rule, params HistoryOperation[] operations) =>
        Assert.Contains(rule, AppendChecker.Check(History(operations)).Select(violation => violation.Rule));
}
