using System.Globalization;
using LoadTests.Chaos.Recording;

namespace LoadTests.Chaos.Checkers;

/// <summary>
/// Accounts of one partition between which transactions move money, each with a row of its own in a ledger. Reads see all
/// accounts as <c>name=balance</c>, or the ledger as <c>transfer:from:to:amount</c>.
/// </summary>
/// <remarks>
/// Rules. 1 every read of the accounts has the sum that they began with; 2 the ledger has what was acknowledged before the
/// read began, nothing that failed or had not begun, and nothing twice; no transfer meets itself there; 3 what one read of it has later ones have;
/// 4 in the end the balances are those that the ledger's rows make.
/// </remarks>
internal static class BankChecker
{
    public const int Accounts = 4;
    public const int FirstBalance = 100;

    public static IReadOnlyList<Violation> Check(IReadOnlyList<HistoryOperation> history)
    {
        var violations = new List<Violation>();
        var reads = history.Where(operation => operation is { Kind: OperationKind.Read, IsOk: true, Seen: not null }).ToArray();
        foreach (var read in reads.Where(read => Balances(read).Values.Sum() != Accounts * FirstBalance || Balances(read).Count != Accounts))
            violations.Add(new Violation($"the sum is not {Accounts * FirstBalance}", read));
        var transfers = history.Where(operation => operation.Kind == OperationKind.Transfer).ToDictionary(transfer => transfer.Value!, StringComparer.Ordinal);
        foreach (var refused in transfers.Values.Where(transfer => transfer.IsRefused))
            violations.Add(new Violation("a transfer was refused because it is in the ledger: it was sent once and applied before", refused));
        var ledgers = history.Where(operation => operation is { Kind: OperationKind.ReadLedger, IsOk: true }).ToArray();
        foreach (var ledger in ledgers)
            CheckLedger(ledger, transfers, violations);
        CheckGrowth(ledgers, violations);
        if (reads.Length > 0 && ledgers.Length > 0)
            CheckBalances(reads[^1], ledgers[^1], violations);
        return violations;
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

    private static void CheckGrowth(HistoryOperation[] ledgers, List<Violation> violations)
    {
        var firstSeen = new Dictionary<string, HistoryOperation>(StringComparer.Ordinal); // by whom a row was seen first
        foreach (var ledger in ledgers.OrderBy(read => read.CompletedAt))
            foreach (var row in ledger.Seen ?? [])
                firstSeen.TryAdd(row, ledger);
        foreach (var ledger in ledgers)
        {
            var rows = (ledger.Seen ?? []).ToHashSet(StringComparer.Ordinal);
            foreach (var (row, seen) in firstSeen.Where(each => each.Value.CompletedAt < ledger.InvokedAt && !rows.Contains(each.Key)))
                violations.Add(new Violation($"{row} was in the ledger and is gone", seen, ledger));
        }
    }

    private static void CheckBalances(HistoryOperation accounts, HistoryOperation ledger, List<Violation> violations)
    {
        var expected = Enumerable.Range(0, Accounts).ToDictionary(Account, _ => FirstBalance, StringComparer.Ordinal);
        foreach (var row in ledger.Seen ?? [])
            if (row.Split(':') is [_, var from, var to, var amount] && expected.ContainsKey(from) && expected.ContainsKey(to))
            {
                expected[from] -= int.Parse(amount, CultureInfo.InvariantCulture);
                expected[to] += int.Parse(amount, CultureInfo.InvariantCulture);
            }
        var actual = Balances(accounts);
        if (expected.Any(account => actual.GetValueOrDefault(account.Key) != account.Value))
            violations.Add(new Violation($"the ledger makes {string.Join(' ', expected.OrderBy(account => account.Key, StringComparer.Ordinal).Select(account => $"{account.Key}={account.Value}"))}", accounts, ledger));
    }

    public static string Account(int number) => string.Create(CultureInfo.InvariantCulture, $"a{number}");

    private static Dictionary<string, int> Balances(HistoryOperation read) => (read.Seen ?? []).Select(account => account.Split('='))
        .ToDictionary(parts => parts[0], parts => int.Parse(parts[1], CultureInfo.InvariantCulture), StringComparer.Ordinal);
}
