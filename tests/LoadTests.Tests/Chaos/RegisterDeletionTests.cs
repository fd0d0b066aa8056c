using Chaos.Checkers;
using Chaos.Recording;
using static Chaos.Recording.OperationKind;
using static LoadTests.Tests.Chaos.HandMade;

namespace LoadTests.Tests.Chaos;

/// <summary>A register that is deleted and created again, or patched.</summary>
public sealed class RegisterDeletionTests
{
    private static readonly HistoryOperation Created = Ok(Create, 1, 2, "v1", version: 10);
    private static readonly HistoryOperation Deleted = Ok(Delete, 3, 4);
    private static readonly HistoryOperation Absent = Ok(Read, 5, 6);

    [Fact]
    public void What_a_correct_service_may_answer_is_accepted()
    {
        AssertRight(
            Created, Deleted, Absent, Refused(Replace, 5, 6, "v2", expected: 10), Refused(Delete, 5, 6), Refused(Patch, 5, 6, "v3"),
            Ok(Create, 7, 8, "v4", version: 20), Shows(9, 10, "v4", 20), Ok(Delete, 11, 12, expected: 20), Ok(Put, 13, 14, "v5", version: 30), Shows(15, 16, "v5", 30));
        AssertRight(Created, Ok(Delete, 3, 8), Shows(4, 5, "v1", 10), Ok(Read, 6, 7), Refused(Delete, 6, 9));
        AssertRight(Created, Unknown(Delete, 3), Shows(4, 5, "v1", 10), Ok(Read, 20, 21)); // lands late
        AssertRight(Created, Unknown(Delete, 3), Ok(Create, 5, 6, "v2", version: 20)); // only the create tells of it
        AssertRight(Created, Ok(Delete, 3, 4), Unknown(Put, 5, "v2"), Ok(Delete, 6, 7)); // only the second delete tells of the put
        AssertRight(Created, Unknown(Delete, 3, expected: 10), Ok(Read, 5, 6), Unknown(Create, 7, "v2"), Shows(8, 9, "v2", 20));
    }

    [Fact]
    public void A_deleted_version_that_comes_back_is_caught()
    {
        AssertCaught("a deleted item came back", Created, Deleted, Shows(5, 6, "v1", 10));
        AssertCaught("a deleted item came back", Created, Deleted, Refused(Create, 5, 6, "v2", version: 10));
        AssertCaught("a deleted item came back", Created, Deleted, Ok(Replace, 5, 6, "v2", version: 20, expected: 10));
        AssertCaught("a deleted item came back", Created, Unknown(Delete, 3), Absent, Shows(7, 8, "v1", 10));
    }

    [Fact]
    public void What_nobody_created_again_is_caught()
    {
        const string rule = "an item is there that nobody created after it was gone";
        AssertCaught(rule, Created, Deleted, Ok(Patch, 5, 6, "p1", version: 20));
        AssertCaught(rule, Created, Deleted, Ok(Delete, 5, 6));
        AssertCaught("an item is there that nobody created", Ok(Delete, 1, 2), Ok(Create, 3, 4, "v1", version: 10));
        AssertRight(Created, Deleted, Unknown(Put, 5, "v2"), Ok(Patch, 6, 7, "p1", version: 20));
        AssertRight(Ok(Delete, 1, 4), Ok(Create, 3, 5, "v1", version: 10));
    }

    [Fact]
    public void Two_deletes_of_one_item_are_caught()
    {
        AssertCaught("more deletes succeeded than there were items", Created, Ok(Delete, 3, 5), Ok(Delete, 4, 6));
        AssertCaught("two writes succeeded on one version", Created, Ok(Delete, 3, 5, expected: 10), Ok(Delete, 4, 6, expected: 10));
        AssertCaught("two writes succeeded on one version", Created, Ok(Delete, 3, 5, expected: 10), Ok(Replace, 4, 6, "v2", version: 20, expected: 10));
        AssertRight(Created, Ok(Delete, 3, 5), Ok(Put, 4, 6, "v2", version: 20), Ok(Delete, 4, 8));
    }

    [Fact]
    public void An_item_that_no_delete_can_have_removed_is_caught()
    {
        const string rule = "the item is gone, and nobody deleted it";
        AssertCaught(rule, Created, Absent, Ok(Delete, 7, 8)); // began later
        AssertCaught(rule, Ok(Delete, 0, 3), Ok(Create, 1, 2, "v1", version: 10), Ok(Put, 4, 5, "v2", version: 20), Ok(Read, 6, 7)); // was over before
        AssertCaught(rule, Created, Failed(Delete, 3, 4), Absent);
        AssertCaught(rule, Created, Unknown(Delete, 2, expected: 10), Ok(Put, 3, 4, "v2", version: 20), Absent); // of a version that was overtaken
        AssertCaught(rule, Created, Refused(Delete, 3, 4));
        AssertCaught(rule, Created, Refused(Patch, 3, 4, "p1"));
        AssertCaught("a write that wanted no item succeeded over one", Created, Ok(Create, 3, 4, "v2", version: 20), Ok(Delete, 5, 6));
        AssertRight(Created, Unknown(Delete, 2, expected: 20), Ok(Put, 3, 4, "v2", version: 20), Absent);
    }

    [Fact]
    public void A_delete_of_a_version_that_was_overtaken_is_caught()
    {
        AssertCaught("a version went back", Created, Ok(Put, 3, 4, "v2", version: 20), Ok(Delete, 5, 6, expected: 10));
        AssertCaught("a write was refused although the version that it named was there", Created, Refused(Delete, 3, 4, version: 10, expected: 10));
        AssertRight(Created, Ok(Put, 3, 4, "v2", version: 20), Refused(Delete, 5, 6, version: 20, expected: 10));
    }

    [Fact]
    public void A_create_that_is_refused_by_nothing_is_caught()
    {
        AssertCaught("a write that wanted no item was refused although there was none", Created, Deleted, Refused(Create, 5, 6, "v2"));
        AssertRight(Created, Refused(Create, 3, 4, "v2", version: 10), Ok(Delete, 5, 6));
    }

    [Fact]
    public void A_patch_keeps_the_rest_of_the_document()
    {
        var patched = Ok(Patch, 3, 4, "p1", version: 20);
        AssertRight(Created, patched, Patched(5, 6, "p1", 20, "v1"), Ok(Patch, 7, 8, "p2", version: 30, expected: 20), Patched(9, 10, "p2", 30, "v1"));
        AssertRight(Created, patched, Ok(Put, 5, 6, "v2", version: 30), Shows(7, 8, "v2", 30));
        AssertRight(Created, Unknown(Put, 3, "v2"), Ok(Patch, 4, 5, "p1", version: 30), Patched(6, 7, "p1", 30, "v2")); // only the patched document tells of the put
        AssertCaught("beside a patch there is not what the last write before it left", Created, Ok(Put, 3, 4, "v2", version: 15), patched, Patched(5, 6, "p1", 20, "v1"));
        AssertCaught("beside a patch there is what nobody wrote", Created, patched, Patched(5, 6, "p1", 20, "v9"));
        AssertCaught("beside a patch there is what nobody wrote", Created, Failed(Put, 3, 4, "v2"), patched, Patched(5, 6, "p1", 20, "v2"));
        AssertCaught("a read shows a patch where there is none, or none where there is one", Created, patched, Shows(5, 6, "p1", 20));
        AssertCaught("a read shows a patch where there is none, or none where there is one", Created, Patched(5, 6, "v1", 10, "v1"));
    }

    private static HistoryOperation Shows(long from, long to, string value, long version) => Ok(Read, from, to, value, version);

    private static HistoryOperation Patched(long from, long to, string patch, long version, string rest) =>
        Ok(Read, from, to, patch, version) with { Seen = [rest] };

    private static void AssertRight(params HistoryOperation[] operations) => Assert.Empty(RegisterChecker.Check(History(operations)));

    private static void AssertCaught(string rule, params HistoryOperation[] operations) =>
        Assert.Contains(rule, RegisterChecker.Check(History(operations)).Select(violation => violation.Rule));
}
