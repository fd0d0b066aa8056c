using System.Runtime.InteropServices;
using LoadTests.Chaos.Recording;

namespace LoadTests.Chaos.Checkers;

/// <summary>
/// Explains what a read of the accounts shows by a set of transfers: those that must have been applied by then, and some of
/// those that may have been.
/// </summary>
/// <remarks>
/// Every transfer has an interval in which it was applied: it begins with the transfer, or with the last ledger that lacks
/// it, and ends with its acknowledgement, or with the first ledger that shows it. First, each read must have an explanation
/// by itself. Then a read whose explanations all have a transfer, or all lack it, narrows that transfer's interval, and all
/// reads are explained again, until nothing changes; a read that has no explanation any more contradicts another one.
/// A read with more candidates than <see cref="MostCandidates"/> is taken for right.
/// </remarks>
internal static class BankBalances
{
    /// <summary>So many transfers are tried in all combinations: 2 × 2^11 sums for each read.</summary>
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

    /// <param name="narrow">What all explanations have in common narrows the intervals.</param>
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

    /// <returns>The sets (a bit for each candidate) that add up to this sum.</returns>
    private static IEnumerable<int> SetsOf(Application[] candidates, Sum sum)
    {
        var half = candidates.Length / 2;
        var first = SumsOf(candidates[..half]).Select((each, set) => (Sum: each, Set: set)).ToLookup(each => each.Sum, each => each.Set);
        return SumsOf(candidates[half..]).SelectMany((second, set) => first[sum - second].Select(other => set << half | other));
    }

    /// <returns>At place n the sum of the set n.</returns>
    private static Sum[] SumsOf(Application[] candidates)
    {
        var sums = new Sum[1 << candidates.Length];
        for (var set = 1; set < sums.Length; set++)
            sums[set] = sums[set & (set - 1)] + candidates[int.TrailingZeroCount(set)].Effect;
        return sums;
    }

    /// <returns>No transfer is in the set without one that was over before it began.</returns>
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

    /// <summary>What is added to each of the four accounts.</summary>
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
