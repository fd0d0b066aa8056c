using Chaos.Checkers;
using Chaos.Recording;
using static Chaos.Recording.OperationKind;
using static LoadTests.Tests.Chaos.HandMade;

namespace LoadTests.Tests.Chaos;

/// <summary>The shard of partition "k" loses what it committed from 100 to 200.</summary>
public sealed class LostCommitsTests
{
    private static readonly LostCommitWindow Window = new(new HashSet<string> { "k" }, 100, 200);

    private static readonly string[] First = ["a0=100", "a1=100", "a2=100", "a3=100"];

    private delegate IReadOnlyList<Violation> Rules(IReadOnlyList<HistoryOperation> history);

    [Fact]
    public void An_acknowledged_write_of_the_window_counts_as_unknown_and_what_saw_the_lost_state_is_left_out()
    {
        var before = Ok(Put, 90, 100, "v0", version: 1);
        var across = Ok(Put, 90, 101, "v1", version: 2);
        var failed = Failed(Put, 110, 120, "v2");
        var unknown = Unknown(Put, 110, "v3");
        var unread = Failed(Read, 110, 120);
        var after = Ok(Read, 200, 210, "v1", version: 2);

        var remaining = LostCommits.Apply(
            "k", History(before, across, failed, unknown, unread, Ok(Read, 110, 120), Saw(ReadLedger, 110, 120), Refused(Put, 199, 210, "v4"), after), [Window]);

        Assert.Equal(
            History(before, across with { Outcome = OperationOutcome.Unknown, CompletedAt = HistoryOperation.Never, AnsweredAt = 101 }, failed, unknown, unread, after),
            remaining);
    }

    [Fact]
    public void Another_partitions_history_stays_as_it_is()
    {
        var history = History(Ok(Put, 110, 120, "v1", version: 1), Ok(Read, 130, 140, "v1", version: 1));

        Assert.Same(history, LostCommits.Apply("other", history, [Window]));
        Assert.Same(history, LostCommits.Apply("k", history, []));
    }

    [Fact]
    public void Where_only_reads_may_be_old_writes_are_held_to_as_always()
    {
        var written = Ok(Put, 110, 120, "v1", version: 1);
        var after = Ok(Read, 210, 220);

        Assert.Equal(
            History(written, after),
            LostCommits.Apply("k", History(written, Ok(Read, 130, 140), Refused(Put, 150, 160, "v4"), after), [Window with { OnlyReads = true }]));
    }

    [Fact]
    public void A_register_may_lose_the_windows_writes_and_no_other()
    {
        var created = Ok(Create, 1, 2, "v1", version: 10);
        var lost = Ok(Replace, 110, 120, "v2", version: 20, expected: 10);
        var seen = Ok(Read, 130, 140, "v2", version: 20);
        AssertExcused(RegisterChecker.Check, created, lost, seen, Ok(Read, 210, 220, "v1", version: 10), Ok(Replace, 230, 240, "v3", version: 30, expected: 10));
        AssertExcused(RegisterChecker.Check, created, lost, seen, Ok(Delete, 150, 160, expected: 20), Ok(Read, 210, 220, "v1", version: 10));
        AssertExcused(RegisterChecker.Check, created, lost, seen, Ok(Read, 210, 220, "v1", version: 10), Ok(Delete, 230, 240, expected: 10), Ok(Read, 250, 260));
        AssertRight(RegisterChecker.Check, created, lost, seen, Ok(Read, 210, 220, "v2", version: 20));

        AssertCaught(RegisterChecker.Check, "a version went back", Ok(Put, 1, 2, "v0", version: 5), created, Ok(Put, 80, 90, "v2", version: 20), Ok(Read, 210, 220, "v1", version: 10));
        AssertCaught(RegisterChecker.Check, "a version went back", created, Ok(Put, 210, 220, "v2", version: 20), Ok(Read, 230, 240, "v1", version: 10));
        AssertCaught(RegisterChecker.Check, "the item is gone, and nobody deleted it", created, lost, seen, Ok(Read, 210, 220));
    }

    [Fact]
    public void A_registers_lost_write_does_not_come_back()
    {
        var created = Ok(Create, 1, 2, "v1", version: 10);
        var lost = Ok(Put, 110, 120, "v2", version: 20);
        AssertCaught(RegisterChecker.Check, "a lost write came back", created, lost, Ok(Read, 210, 220, "v1", version: 10), Ok(Read, 230, 240, "v2", version: 20));
        AssertCaught(
            RegisterChecker.Check, "a lost write came back", created, lost, Ok(Read, 210, 220, "v1", version: 10), Refused(Create, 230, 240, "v3", version: 20));
        AssertCaught(
            RegisterChecker.Check, "the item is gone, and nobody deleted it",
            created, Ok(Delete, 110, 120), Ok(Read, 210, 220, "v1", version: 10), Ok(Read, 230, 240)); // the delete was lost
    }

    [Fact]
    public void A_list_may_lose_the_windows_appends_and_no_other()
    {
        var created = Ok(Create, 1, 2, "a", version: 10);
        var lost = Ok(Replace, 110, 120, "b", version: 20, expected: 10);
        AssertExcused(AppendChecker.Check, created, lost, Saw(Read, 130, 140, "a", "b"), Saw(Read, 210, 220, "a"), Ok(Replace, 230, 240, "c", version: 30, expected: 10), Saw(Read, 250, 260, "a", "c"));
        AssertRight(AppendChecker.Check, created, lost, Saw(Read, 210, 220, "a", "b"));

        AssertCaught(AppendChecker.Check, "an acknowledged append is lost", created, Ok(Replace, 80, 90, "b", version: 20, expected: 10), Saw(Read, 210, 220, "a"));
        AssertCaught(AppendChecker.Check, "an acknowledged append is lost", created, Ok(Replace, 210, 220, "b", version: 20, expected: 10), Saw(Read, 230, 240, "a"));
        AssertCaught(AppendChecker.Check, "a lost append came back", created, lost, Saw(Read, 210, 220, "a"), Saw(Read, 230, 240, "a", "b"));
    }

    [Fact]
    public void A_bank_may_lose_the_windows_transfers_and_no_other()
    {
        const string row = "t1:a0:a1:5";
        string[] moved = ["a0=95", "a1=105", "a2=100", "a3=100"];
        var opened = Ok(Create, 1, 2, "open");
        var lost = Ok(Transfer, 110, 120, row);
        AssertExcused(BankChecker.Check, opened, lost, Saw(Read, 130, 140, moved), Saw(ReadLedger, 130, 140, row), Saw(Read, 210, 220, First), Saw(ReadLedger, 230, 240));
        AssertExcused(BankChecker.Check, Ok(Create, 110, 120, "open"), Saw(Read, 210, 220), Ok(Create, 230, 240, "open"), Saw(Read, 250, 260, First));
        AssertRight(BankChecker.Check, opened, lost, Saw(Read, 210, 220, moved), Saw(ReadLedger, 230, 240, row));

        AssertCaught(BankChecker.Check, "an acknowledged transfer is not in the ledger", opened, Ok(Transfer, 80, 90, row), Saw(ReadLedger, 230, 240));
        AssertCaught(BankChecker.Check, "an acknowledged transfer is not in the ledger", opened, Ok(Transfer, 210, 220, row), Saw(ReadLedger, 230, 240));
        AssertCaught(BankChecker.Check, "a lost transfer came back", opened, lost, Saw(ReadLedger, 210, 220), Saw(ReadLedger, 230, 240, row));
        AssertCaught(BankChecker.Check, "these balances never existed", opened, lost, Saw(Read, 210, 220, First), Saw(Read, 230, 240, moved), Saw(ReadLedger, 250, 260, row));
    }

    [Fact]
    public void A_set_may_lose_the_windows_inserts_and_deletes_and_no_other()
    {
        var lost = Ok(Create, 110, 120, version: 10, item: "i");
        var there = Ok(Read, 130, 140, version: 10, item: "i");
        AssertExcused(SetChecker.Check, lost, there, Ok(Read, 210, 220, item: "i"));
        AssertExcused(SetChecker.Check, Ok(Create, 1, 2, version: 10, item: "i"), Ok(Delete, 110, 120, item: "i"), Ok(Read, 130, 140, item: "i"), Saw(Read, 210, 220, "i"));
        AssertExcused(SetChecker.Check, Ok(Create, 1, 2, version: 10, item: "i"), Ok(Delete, 110, 120, item: "i"), Ok(Delete, 210, 220, item: "i"));
        AssertRight(SetChecker.Check, lost, there, Saw(Read, 210, 220, "i"));

        AssertCaught(SetChecker.Check, "an acknowledged item is lost", Ok(Create, 80, 90, version: 10, item: "i"), Ok(Read, 210, 220, item: "i"));
        AssertCaught(SetChecker.Check, "an acknowledged item is lost", Ok(Create, 210, 220, version: 10, item: "i"), Ok(Read, 230, 240, item: "i"));
        AssertCaught(SetChecker.Check, "an item came back", Ok(Create, 1, 2, version: 10, item: "i"), Ok(Delete, 80, 90, item: "i"), Saw(Read, 210, 220, "i"));
        AssertCaught(SetChecker.Check, "an item came back", lost, Ok(Read, 210, 220, item: "i"), Saw(Read, 230, 240, "i"));
        AssertCaught(
            SetChecker.Check, "an acknowledged item is lost",
            Ok(Create, 1, 2, version: 10, item: "i"), Ok(Delete, 110, 120, item: "i"), Saw(Read, 210, 220, "i"), Saw(Read, 230, 240)); // the delete was lost
    }

    /// <summary>It is accepted with the window and rejected without it.</summary>
    private static void AssertExcused(Rules rules, params HistoryOperation[] operations)
    {
        Assert.NotEmpty(rules(History(operations)));
        AssertRight(rules, operations);
    }

    private static void AssertRight(Rules rules, params HistoryOperation[] operations) =>
        Assert.Empty(rules(LostCommits.Apply("k", History(operations), [Window])));

    private static void AssertCaught(Rules rules, string rule, params HistoryOperation[] operations) =>
        Assert.Contains(rule, rules(LostCommits.Apply("k", History(operations), [Window])).Select(violation => violation.Rule));
}
