using System.Collections.Immutable;
using System.Globalization;
using Chaos.Checkers;
using Chaos.Recording;
using static Chaos.Recording.OperationKind;

namespace LoadTests.Tests.Chaos;

/// <summary>Histories of <see cref="ModelService{T}"/> for each checker.</summary>
internal static class ModelHistories
{
    private static readonly OperationKind[] RegisterKinds = [Read, Read, Read, Replace, Replace, Replace, Put, Patch, Delete, Create];
    private static readonly OperationKind[] SetKinds = [Create, Delete, Read, Read];
    private static readonly OperationKind[] BankKinds = [Read, Read, ReadLedger, Transfer, Transfer, Transfer];

    public static IReadOnlyList<HistoryOperation> Register(int seed, ModelFlaw flaw) =>
        new ModelService<RegisterState?>(null, BeginRegister, ApplyRegister).Run(seed, flaw);

    public static IReadOnlyList<HistoryOperation> Set(int seed, ModelFlaw flaw) =>
        new ModelService<ImmutableSortedSet<string>>([], BeginSet, ApplySet).Run(seed, flaw);

    public static IReadOnlyList<HistoryOperation> Append(int seed, ModelFlaw flaw) =>
        new ModelService<ListState>(new(0, []), BeginAppend, ApplyAppend).Run(seed, flaw);

    public static IReadOnlyList<HistoryOperation> Bank(int seed, ModelFlaw flaw) =>
        new ModelService<ImmutableList<string>>([], BeginBank, ApplyBank, Read, ReadLedger).Run(seed, flaw);

    private static HistoryOperation BeginRegister(Random random, int number, RegisterState? known)
    {
        var kind = number == 1 || known is null ? Create : RegisterKinds[random.Next(RegisterKinds.Length)];
        var isConditional = kind == Replace || (kind is Patch or Delete && random.Next(2) == 0);
        return New(number, kind) with { Value = kind is Read or Delete ? null : $"k/r#{number}", Expected = isConditional ? known?.Version : null };
    }

    private static (HistoryOperation, RegisterState?) ApplyRegister(HistoryOperation begun, RegisterState? state, long version)
    {
        var isRefused = begun.Kind == Create ? state is not null : begun.Expected is not null ? state?.Version != begun.Expected : begun.Kind is Patch or Delete && state is null;
        if (isRefused)
            return (Refused(begun, state?.Version), state);
        return begun.Kind switch
        {
            Read => (begun with { Version = state?.Version, Value = state?.Patch ?? state?.Value, Seen = state?.Patch is null ? null : [state.Value] }, state),
            Delete => (begun, null),
            Patch => (begun with { Version = version }, state! with { Version = version, Patch = begun.Value }),
            _ => (begun with { Version = version }, new RegisterState(version, begun.Value!, null)),
        };
    }

    private static HistoryOperation BeginSet(Random random, int number, ImmutableSortedSet<string> known)
    {
        var kind = number < 10 ? Create : SetKinds[random.Next(SetKinds.Length)];
        var item = string.Create(CultureInfo.InvariantCulture, $"k/i{(kind == Create ? number : random.Next(Math.Max(1, number - 20), number + 1))}");
        return New(number, kind) with { Item = kind == Read && random.Next(5) == 0 ? null : item, Value = kind == Create ? item : null };
    }

    private static (HistoryOperation, ImmutableSortedSet<string>) ApplySet(HistoryOperation begun, ImmutableSortedSet<string> state, long version) => begun switch
    {
        { Kind: Create } => (begun with { Version = version }, state.Add(begun.Item!)),
        { Kind: Delete } => state.Contains(begun.Item!) ? (begun, state.Remove(begun.Item!)) : (Refused(begun, null), state),
        { Item: null } => (begun with { Seen = [.. state] }, state),
        _ => (state.Contains(begun.Item) ? begun with { Version = 1, Value = begun.Item } : begun, state),
    };

    private static HistoryOperation BeginAppend(Random random, int number, ListState known) => random.Next(2) == 0
        ? New(number, Read)
        : New(number, known.Version == 0 ? Create : Replace) with { Value = $"k/l#{number}", Expected = known.Version == 0 ? null : known.Version, Seen = known.List };

    private static (HistoryOperation, ListState) ApplyAppend(HistoryOperation begun, ListState state, long version) =>
        begun.Kind == Read ? (begun with { Seen = state.Version == 0 ? null : state.List }, state)
        : (begun.Expected ?? 0) != state.Version ? (Refused(begun, state.Version), state)
        : (begun with { Version = version }, new ListState(version, state.List.Add(begun.Value!)));

    private static HistoryOperation BeginBank(Random random, int number, ImmutableList<string> known)
    {
        var kind = known.IsEmpty ? Create : BankKinds[random.Next(BankKinds.Length)];
        var from = random.Next(BankChecker.Accounts);
        var to = (from + 1 + random.Next(BankChecker.Accounts - 1)) % BankChecker.Accounts;
        var row = string.Create(CultureInfo.InvariantCulture, $"k/t{number}:a{from}:a{to}:{random.Next(1, 10_000)}");
        return New(number, kind) with { Value = kind == Create ? "k/open" : kind == Transfer ? row : null };
    }

    /// <summary>The state is the opening, then the ledger.</summary>
    private static (HistoryOperation, ImmutableList<string>) ApplyBank(HistoryOperation begun, ImmutableList<string> state, long version) => begun.Kind switch
    {
        Create => state.IsEmpty ? (begun, [begun.Value!]) : (Refused(begun, null), state),
        Transfer => state.IsEmpty ? (Refused(begun, null) with { Seen = [] }, state) : (begun, state.Add(begun.Value!)),
        ReadLedger => (begun with { Seen = [.. state.Skip(1)] }, state),
        _ => (begun with { Seen = state.IsEmpty ? [] : BalancesOf(state) }, state),
    };

    private static string[] BalancesOf(ImmutableList<string> rows)
    {
        var balances = Enumerable.Range(0, BankChecker.Accounts).ToDictionary(BankChecker.Account, _ => BankChecker.FirstBalance, StringComparer.Ordinal);
        foreach (var parts in rows.Skip(1).Select(row => row.Split(':')))
        {
            balances[parts[1]] -= int.Parse(parts[3], CultureInfo.InvariantCulture);
            balances[parts[2]] += int.Parse(parts[3], CultureInfo.InvariantCulture);
        }
        return [.. balances.Select(account => $"k/{account.Key}={account.Value}")];
    }

    private static HistoryOperation New(int number, OperationKind kind) => new(number, kind, 0, HistoryOperation.Never, OperationOutcome.Ok);

    private static HistoryOperation Refused(HistoryOperation begun, long? version) =>
        begun with { Outcome = OperationOutcome.Fail, IsRefused = true, Version = version };

    internal sealed record RegisterState(long Version, string Value, string? Patch);

    internal sealed record ListState(long Version, ImmutableList<string> List);
}
