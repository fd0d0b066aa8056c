using System.Globalization;
using Chaos.Recording;

namespace Chaos.Checkers;

/// <summary>
/// Checks the accounts of one partition. Transactions move money between them, and each writes a row into a ledger. A read sees all
/// accounts as <c>key/name=balance</c>, or the ledger as <c>key/transfer:from:to:amount</c>.
/// </summary>
/// <remarks>
/// Rules. 1 Every read of the accounts has this partition's accounts, and the sum of their first balances. 2 A read of the ledger has all
/// transfers that were acknowledged before the read began; it has no transfer that failed or had not begun, and none twice; no transfer is
/// refused because its own row is there already. 3 A row that one read of the ledger has, later reads have too. 4 In the end the balances
/// are the result of the ledger's rows. 5 Every read of the accounts shows balances that existed at some moment of the read
/// (<see cref="BankBalances"/>).
/// </remarks>
internal static class BankChecker
{
    public const int Accounts = 4;
    public const int FirstBalance = 100;

    public static IReadOnlyList<Violation> Check(IReadOnlyList<HistoryOperation> history)
    {
        var violations = new List<Violation>();
        var reads = history.Where(operation => operation is { Kind: OperationKind.Read, IsOk: true, Seen: not null }).ToArray();
        CheckAccounts(history, reads, violations);
        var transfers = history.Where(operation => operation.Kind == OperationKind.Transfer)
            .ToDictionary(transfer => transfer.Value!, StringComparer.Ordinal);
        foreach (var refused in transfers.Values.Where(transfer => transfer is { IsRefused: true, Seen: null }))
            violations.Add(new Violation("a transfer was refused because it is in the ledger: it was sent once and applied before", refused));
        var ledgers = history.Where(operation => operation is { Kind: OperationKind.ReadLedger, IsOk: true }).ToArray();
        foreach (var ledger in ledgers)
            CheckLedger(ledger, transfers, violations);
        CheckGrowth(ledgers, transfers.Values, violations);
        var opened = reads.Where(read => read.Seen!.Count > 0).ToArray();
        if (opened.Length > 0 && ledgers.Length > 0)
            CheckBalances(opened[^1], ledgers[^1], violations);
        if (violations.Count == 0) // the next rule explains reads by transfers; after a violation the transfers are in doubt
            BankBalances.Check(opened, [.. transfers.Values.Where(transfer => transfer.MayHaveLanded)], ledgers, violations);
        return violations;
    }

    public static string Account(int number) => string.Create(CultureInfo.InvariantCulture, $"a{number}");

    /// <returns>The balances of a read, by the names of the accounts without the partition's key.</returns>
    public static Dictionary<string, int> Balances(HistoryOperation read) => (read.Seen ?? []).Select(account => account.Split('='))
        .ToDictionary(parts => NameOf(parts[0]), parts => int.Parse(parts[1], CultureInfo.InvariantCulture), StringComparer.Ordinal);

    /// <summary>A transfer that was refused because an account did not exist is recorded with an empty list.</summary>
    private static void CheckAccounts(IReadOnlyList<HistoryOperation> history, HistoryOperation[] reads, List<Violation> violations)
    {
        var key = WrittenValue.KeyOf(history.FirstOrDefault(operation => operation.Kind is OperationKind.Create or OperationKind.Transfer)?.Value);
        // After an acknowledged or refused opening, or a read that shows accounts, the accounts exist.
        HistoryOperation[] openings = [.. history.Where(opening => opening.Kind == OperationKind.Create && (opening.IsOk || opening.IsRefused))];
        var openFrom = openings.Concat(reads.Where(read => read.Seen!.Count > 0))
            .Select(proof => proof.CompletedAt).DefaultIfEmpty(HistoryOperation.Never).Min();
        HistoryOperation[] succeeded = [.. openings.Where(opening => opening.IsOk)];
        foreach (var again in succeeded.Where(opening => opening.InvokedAt > openFrom).Concat(succeeded.Skip(1)))
            violations.Add(new Violation("the accounts were opened twice", again));
        var refusals = history.Where(transfer => transfer is { Kind: OperationKind.Transfer, IsRefused: true, Seen: not null });
        foreach (var refused in refusals.Where(refused => refused.InvokedAt > openFrom))
            violations.Add(new Violation("a transfer found no accounts", refused));
        foreach (var read in reads.Where(read => read.Seen!.Count > 0 || read.InvokedAt > openFrom))
            if (read.Seen!.Any(account => WrittenValue.KeyOf(account) != key))
                violations.Add(new Violation($"these are other accounts than {key}'s", read));
            else if (Balances(read) is var balances && (balances.Values.Sum() != Accounts * FirstBalance || balances.Count != Accounts))
                violations.Add(new Violation($"the sum is not {Accounts * FirstBalance}", read));
    }

    private static void CheckLedger(HistoryOperation ledger, Dictionary<string, HistoryOperation> transfers, List<Violation> violations)
    {
        var rows = new HashSet<string>(StringComparer.Ordinal);
        foreach (var row in ledger.Seen ?? [])
        {
            if (!rows.Add(row))
                violations.Add(new Violation($"{row} is in the ledger twice", ledger));
            if (!transfers.TryGetValue(row, out var transfer))
                violations.Add(new Violation($"nobody made the transfer {row}", ledger));
            else if (!transfer.MayHaveLanded || transfer.InvokedAt > ledger.CompletedAt)
                violations.Add(new Violation("a transfer that failed, or had not begun, is in the ledger", transfer, ledger));
        }
        foreach (var transfer in transfers.Values.Where(transfer => transfer.IsOk && transfer.CompletedAt < ledger.InvokedAt && !rows.Contains(transfer.Value!)))
            violations.Add(new Violation("an acknowledged transfer is not in the ledger", transfer, ledger));
    }

    private static void CheckGrowth(HistoryOperation[] ledgers, IReadOnlyCollection<HistoryOperation> transfers, List<Violation> violations)
    {
        var firstSeen = new Dictionary<string, HistoryOperation>(StringComparer.Ordinal); // the operation that saw each row first
        foreach (var ledger in ledgers.OrderBy(read => read.CompletedAt))
            foreach (var row in ledger.Seen ?? [])
                firstSeen.TryAdd(row, ledger);
        foreach (var ledger in ledgers)
        {
            var rows = (ledger.Seen ?? []).ToHashSet(StringComparer.Ordinal);
            foreach (var (row, seen) in firstSeen.Where(each => each.Value.CompletedAt < ledger.InvokedAt && !rows.Contains(each.Key)))
                violations.Add(new Violation($"{row} was in the ledger and is gone", seen, ledger));
            // The transfer took effect before its answer or never. Therefore a later read of the ledger without it proves that it was lost.
            foreach (var transfer in transfers.Where(transfer => transfer.AnsweredAt < ledger.InvokedAt && firstSeen.ContainsKey(transfer.Value!) && !rows.Contains(transfer.Value!)))
                violations.Add(new Violation("a lost transfer came back", transfer, ledger, firstSeen[transfer.Value!]));
        }
    }

    private static void CheckBalances(HistoryOperation accounts, HistoryOperation ledger, List<Violation> violations)
    {
        var expected = Enumerable.Range(0, Accounts).ToDictionary(Account, _ => FirstBalance, StringComparer.Ordinal);
        foreach (var (from, to, amount) in (ledger.Seen ?? []).Select(MovementOf).OfType<(string, string, int)>())
        {
            expected[from] -= amount;
            expected[to] += amount;
        }
        var actual = Balances(accounts);
        if (expected.Any(account => actual.GetValueOrDefault(account.Key) != account.Value))
            violations.Add(new Violation(
                $"the ledger makes {string.Join(' ', expected.OrderBy(account => account.Key, StringComparer.Ordinal).Select(account => $"{account.Key}={account.Value}"))}",
                accounts, ledger));
    }

    /// <param name="row"><c>key/transfer:from:to:amount</c>.</param>
    public static (string From, string To, int Amount)? MovementOf(string row) =>
        row.Split(':') is [_, var from, var to, var amount] && int.TryParse(amount, CultureInfo.InvariantCulture, out var sum) && IsAccount(from) && IsAccount(to)
            ? (from, to, sum)
            : null;

    private static bool IsAccount(string name) => Enumerable.Range(0, Accounts).Any(number => Account(number) == name);

    private static string NameOf(string account) => account[(account.LastIndexOf('/') + 1)..];
}
