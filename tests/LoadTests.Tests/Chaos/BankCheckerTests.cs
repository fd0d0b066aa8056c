using Chaos.Checkers;
using Chaos.Recording;
using static Chaos.Recording.OperationKind;
using static LoadTests.Tests.Chaos.HandMade;

namespace LoadTests.Tests.Chaos;

public sealed class BankCheckerTests
{
    private const string First = "t1:a0:a1:5";
    private const string Second = "t2:a2:a3:7";

    private static readonly HistoryOperation Opened = Ok(Create, 1, 2, "open");
    private static readonly HistoryOperation Done = Ok(Transfer, 3, 4, First);

    [Fact]
    public void What_a_correct_service_may_answer_is_accepted()
    {
        AssertRight(
            Opened, Done, Saw(Read, 3, 5, "a0=100", "a1=100", "a2=100", "a3=100"), Saw(ReadLedger, 5, 6, First),
            Unknown(Transfer, 7, Second), Saw(ReadLedger, 8, 9, First), Failed(Transfer, 8, 9, "t3:a0:a3:1"),
            Saw(Read, 20, 21, "a0=95", "a1=105", "a2=93", "a3=107"), Saw(ReadLedger, 22, 23, First, Second));
        AssertRight(Unknown(Create, 1, "open"));
    }

    [Fact]
    public void Money_that_is_lost_is_caught() => AssertCaught("the sum is not 400", Opened, Done, Saw(Read, 5, 6, "a0=95", "a1=100", "a2=100", "a3=100"));

    [Fact]
    public void An_account_that_is_lost_is_caught() => AssertCaught("the sum is not 400", Opened, Saw(Read, 5, 6, "a0=100", "a1=100", "a2=200"));

    [Fact]
    public void An_acknowledged_transfer_that_is_lost_is_caught() => AssertCaught("an acknowledged transfer is not in the ledger", Opened, Done, Saw(ReadLedger, 5, 6));

    [Fact]
    public void A_failed_transfer_that_is_there_is_caught() =>
        AssertCaught("a transfer that failed, or had not begun, is in the ledger", Opened, Failed(Transfer, 3, 4, First), Saw(ReadLedger, 5, 6, First));

    [Fact]
    public void A_transfer_that_is_there_before_it_begins_is_caught() =>
        AssertCaught("a transfer that failed, or had not begun, is in the ledger", Opened, Saw(ReadLedger, 3, 4, First), Ok(Transfer, 5, 6, First));

    [Fact]
    public void A_transfer_that_nobody_made_is_caught() => AssertCaught($"nobody made the transfer {First}", Opened, Saw(ReadLedger, 3, 4, First));

    [Fact]
    public void A_transfer_that_is_there_twice_is_caught() => AssertCaught($"{First} is in the ledger twice", Opened, Done, Saw(ReadLedger, 5, 6, First, First));

    [Fact]
    public void A_transfer_of_unknown_outcome_that_goes_again_is_caught() => AssertCaught(
        $"{Second} was in the ledger and is gone", Opened, Unknown(Transfer, 3, Second), Saw(ReadLedger, 5, 6, Second), Saw(ReadLedger, 7, 8));

    [Fact]
    public void Half_a_transfer_is_caught() => AssertCaught(
        "the ledger makes a0=95 a1=105 a2=100 a3=100", Opened, Done, Saw(Read, 5, 6, "a0=100", "a1=100", "a2=100", "a3=100"), Saw(ReadLedger, 7, 8, First));

    [Fact]
    public void A_transfer_that_was_repeated_behind_the_clients_back_is_caught() => AssertCaught(
        "a transfer was refused because it is in the ledger: it was sent once and applied before", Opened, Refused(Transfer, 3, 4, First), Saw(ReadLedger, 5, 6));

    [Fact]
    public void Balances_that_never_existed_are_caught()
    {
        var impossible = Saw(Read, 5, 6, "a0=90", "a1=110", "a2=100", "a3=100");
        AssertCaught("these balances never existed", Opened, Done, impossible);
        AssertCaught("these balances never existed", Opened, Done, Failed(Transfer, 3, 4, "t2:a0:a1:5"), impossible);
        AssertCaught("these balances never existed", Opened, Done, impossible, Ok(Transfer, 7, 8, "t2:a0:a1:5"));
        // The ledger, read later, says that the one transfer that could explain it was never applied.
        AssertCaught(
            "these balances never existed", Opened, Done, Unknown(Transfer, 3, "t2:a0:a1:5"), impossible,
            Saw(Read, 7, 8, "a0=95", "a1=105", "a2=100", "a3=100"), Saw(ReadLedger, 9, 10, First));
        AssertRight(Opened, Done, Unknown(Transfer, 3, "t2:a0:a1:5"), impossible);
    }

    [Fact]
    public void A_transfer_without_the_one_acknowledged_before_it_began_is_caught()
    {
        var later = Ok(Transfer, 5, 9, Second);
        AssertCaught("these balances never existed", Opened, Done, later, Saw(Read, 3, 10, "a0=100", "a1=100", "a2=93", "a3=107"));
        AssertRight(Opened, Done, later, Saw(Read, 3, 10, "a0=95", "a1=105", "a2=100", "a3=100"));
    }

    [Fact]
    public void Account_reads_that_go_back_in_time_are_caught()
    {
        var before = (string[])["a0=100", "a1=100", "a2=100", "a3=100"];
        var after = (string[])["a0=95", "a1=105", "a2=100", "a3=100"];
        AssertCaught("account reads go back in time", Opened, Unknown(Transfer, 3, First), Saw(Read, 4, 5, after), Saw(Read, 6, 7, before));
        AssertCaught("account reads go back in time", Opened, Ok(Transfer, 3, 10, First), Saw(Read, 4, 5, after), Saw(Read, 6, 7, before));
        AssertRight(Opened, Unknown(Transfer, 3, First), Saw(Read, 4, 5, before), Saw(Read, 6, 7, after));
        AssertRight(Opened, Ok(Transfer, 3, 10, First), Saw(Read, 4, 6, after), Saw(Read, 5, 7, before));
    }

    [Fact]
    public void Accounts_of_another_partition_are_caught()
    {
        var opened = Ok(Create, 1, 2, "b1/open");
        AssertCaught("these are other accounts than b1's", opened, Saw(Read, 3, 4, "b2/a0=100", "b2/a1=100", "b2/a2=100", "b2/a3=100"));
        AssertRight(opened, Saw(Read, 3, 4, "b1/a0=100", "b1/a1=100", "b1/a2=100", "b1/a3=100"));
    }

    [Fact]
    public void Accounts_that_were_opened_and_are_gone_are_caught()
    {
        AssertCaught("the sum is not 400", Opened, Saw(Read, 3, 4));
        AssertRight(Unknown(Create, 1, "open"), Saw(Read, 3, 4), Ok(Create, 5, 6, "open"), Saw(Read, 7, 8, "a0=100", "a1=100", "a2=100", "a3=100"));
    }

    [Fact]
    public void A_second_opening_and_a_transfer_that_finds_no_accounts_are_caught()
    {
        var refused = Refused(Transfer, 3, 4, First) with { Seen = [] };
        AssertCaught("a transfer found no accounts", Opened, refused);
        AssertCaught("the accounts were opened twice", Opened, Ok(Create, 3, 4, "open"));
        AssertCaught("the accounts were opened twice", Opened, Ok(Create, 1, 4, "open"));
        AssertRight(Unknown(Create, 1, "open"), refused, Ok(Create, 5, 6, "open"), Refused(Create, 7, 8, "open"));
    }

    private static void AssertRight(params HistoryOperation[] operations) => Assert.Empty(BankChecker.Check(History(operations)));

    private static void AssertCaught(string rule, params HistoryOperation[] operations) =>
        Assert.Contains(rule, BankChecker.Check(History(operations)).Select(violation => violation.Rule));
}
