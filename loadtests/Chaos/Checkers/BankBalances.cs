using System.Runtime.InteropServices;
using Chaos.Recording;

namespace Chaos.Checkers;

/// <summary>
/// Explains the balances of each read by a set of transfers: all transfers that must have been applied by then, and some of those that may
/// have been applied.
/// </summary>
/// <remarks>
/// Every transfer has an interval in which it was applied. The interval begins with the transfer, or with the last read of the ledger that
/// lacks it; it ends with its acknowledgement, or with the first read of the ledger that shows it. First, each read must have an
/// explanation on its own. If all explanations of a read contain a transfer, or none does, this narrows the interval of the transfer. Then
/// all reads are explained again, until nothing changes. A read that has no explanation any more contradicts another read. A read with more
/// candidates than <see cref="MostCandidates"/> counts as right.
/// </remarks>
internal static class BankBalances
{
    /// <summary>The largest number of transfers that are tried in all combinations: 2 × 2^11 sums for each read.</summary>
    private const int MostCandidates = 22;

    public static void Check(HistoryOperation[] reads, HistoryOperation[] transfers, HistoryOperation[] ledgers, List<Violation> violations)
    {
        var applied = transfers.Where(transfer => BankChecker.MovementOf(transfer.Value!) is not null)
            .Select(transfer => new Application(transfer, ledgers)).ToArray();
        foreach (var read in reads.Where(read => !Explain(read, applied, narrow: false, out _)))
            violations.Add(new Violation("these balances never existed", read));
        for (var changes = violations.Count == 0; changes;)
        {
            changes = false;
            foreach (var read in reads)
            {
                if (!Explain(read, applied, narrow: true, out var narrowed))
                {
                    violations.Add(new Violation("account reads go back in time", read));
                    return;
                }
                changes |= narrowed;
            }
        }
    }

    /// <param name="narrow">True: facts that are common to all explanations narrow the intervals.</param>
    private static bool Explain(HistoryOperation read, Application[] applied, bool narrow, out bool narrowed)
    {
        narrowed = false;
        var balances = BankChecker.Balances(read);
        var rest = new Sum(Enumerable.Range(0, BankChecker.Accounts).Select(BankChecker.Account)
            .Select(name => balances.GetValueOrDefault(name) - BankChecker.FirstBalance));
        foreach (var certain in applied.Where(each => each.Until < read.InvokedAt))
            rest -= certain.Effect;
        Application[] candidates = [.. applied.Where(each => each.Until >= read.InvokedAt && each.From <= read.CompletedAt)];
        if (candidates.Length > MostCandidates)
            return true;
        var (any, inAll, inSome) = (false, ~0, 0);
        foreach (var set in SetsOf(candidates, rest).Where(set => IsOrdered(set, candidates)))
            (any, inAll, inSome) = (true, inAll & set, inSome | set);
        for (var place = 0; any && narrow && place < candidates.Length; place++)
            narrowed |= (inAll >> place & 1) == 1
                ? candidates[place].EndBy(read.CompletedAt)
                : (inSome >> place & 1) == 0 && candidates[place].BeginAt(read.InvokedAt);
        return any;
    }

    /// <returns>The sets with this sum; a set has one bit for each candidate.</returns>
    private static IEnumerable<int> SetsOf(Application[] candidates, Sum sum)
    {
        var half = candidates.Length / 2;
        var first = SumsOf(candidates[..half]).Select((each, set) => (Sum: each, Set: set)).ToLookup(each => each.Sum, each => each.Set);
        return SumsOf(candidates[half..]).SelectMany((second, set) => first[sum - second].Select(other => set << half | other));
    }

    /// <returns>An array that has the sum of set n at index n.</returns>
    private static Sum[] SumsOf(Application[] candidates)
    {
        var sums = new Sum[1 << candidates.Length];
        for (var set = 1; set < sums.Length; set++)
            sums[set] = sums[set & (set - 1)] + candidates[int.TrailingZeroCount(set)].Effect;
        return sums;
    }

    /// <returns>True: for each transfer in the set, all transfers that were over before it began are in the set too.</returns>
    private static bool IsOrdered(int set, Application[] candidates)
    {
        for (var one = 0; one < candidates.Length; one++)
            for (var other = 0; other < candidates.Length; other++)
                if ((set >> one & 1) == 1 && (set >> other & 1) == 0 && candidates[other].Until < candidates[one].From)
                    return false;
        return true;
    }

    /// <summary>A transfer and the interval in which it was applied, if it was.</summary>
    private sealed class Application
    {
        public Application(HistoryOperation transfer, HistoryOperation[] ledgers)
        {
            var shows = ledgers.ToLookup(ledger => ledger.Seen?.Contains(transfer.Value!, StringComparer.Ordinal) ?? false);
            From = shows[false].Select(ledger => ledger.InvokedAt).Append(transfer.InvokedAt)
                .Where(at => shows[true].All(ledger => at < ledger.CompletedAt)).DefaultIfEmpty(transfer.InvokedAt).Max();
            Until = shows[true].Select(ledger => Math.Min(ledger.CompletedAt, transfer.AnsweredAt)).Append(transfer.CompletedAt).Min();
            var (from, to, amount) = BankChecker.MovementOf(transfer.Value!)!.Value;
            Effect = new Sum(Enumerable.Range(0, BankChecker.Accounts)
                .Select(BankChecker.Account).Select(name => name == from ? -amount : name == to ? amount : 0));
        }

        public long From { get; private set; }

        public long Until { get; private set; }

        public Sum Effect { get; }

        public bool EndBy(long at)
        {
            var isEarlier = at < Until;
            Until = Math.Min(Until, at);
            return isEarlier;
        }

        public bool BeginAt(long at)
        {
            var isLater = at > From;
            From = Math.Max(From, at);
            return isLater;
        }
    }

    /// <summary>The amounts that are added to the four accounts.</summary>
    [StructLayout(LayoutKind.Auto)]
    private readonly record struct Sum(int First, int Second, int Third, int Fourth)
    {
        public Sum(IEnumerable<int> amounts)
            : this(0, 0, 0, 0)
        {
            if (amounts.ToArray() is not [var first, var second, var third, var fourth])
                throw new ArgumentException("There are four accounts.", nameof(amounts));
            (First, Second, Third, Fourth) = (first, second, third, fourth);
        }

        public static Sum operator +(Sum one, Sum other) =>
            new(one.First + other.First, one.Second + other.Second, one.Third + other.Third, one.Fourth + other.Fourth);

        public static Sum operator -(Sum one, Sum other) =>
            new(one.First - other.First, one.Second - other.Second, one.Third - other.Third, one.Fourth - other.Fourth);
    }
}
