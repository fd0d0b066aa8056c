using Chaos.Recording;

namespace LoadTests.Tests.Chaos;

/// <summary>
/// A service that is linearizable by construction, and what many clients at once record of it: each operation takes effect in
/// one moment between its beginning and its end. Some have no known outcome and take effect late or never; some fail.
/// </summary>
/// <typeparam name="T">An immutable state of one partition.</typeparam>
/// <param name="begin">Makes the n-th operation; the state is what its client may know.</param>
/// <param name="apply">What the operation answers, and the state after it; the number is a version that no write had yet.</param>
/// <param name="last">Which reads are made one after the other when all is over.</param>
internal sealed class ModelService<T>(
    T initial, Func<Random, int, T, HistoryOperation> begin, Func<HistoryOperation, T, long, (HistoryOperation Answer, T State)> apply, params OperationKind[] last)
{
    private const int Operations = 300;
    private const long End = 10_000;

    /// <summary>What took effect from the one to the other is undone at the other.</summary>
    public const long LostFrom = 1_000, LostTo = 1_300;

    private readonly List<HistoryOperation> _history = [];
    private T _state = initial;
    private T _before = initial; // an older state, for stale reads
    private T _saved = initial;
    private long _version = 1_000;

    /// <param name="flaw">What is wrong with this service.</param>
    public IReadOnlyList<HistoryOperation> Run(int seed, ModelFlaw flaw)
    {
        var random = new Random(seed);
        var events = new PriorityQueue<Action<long>, long>();
        for (var number = 1; number <= Operations; number++)
            Schedule(number, random, events, flaw);
        events.Enqueue(_ => _saved = _state, LostFrom);
        if (flaw == ModelFlaw.LosesCommits)
            events.Enqueue(_ => _state = _saved, LostTo);
        while (events.TryDequeue(out var happen, out var at))
            happen(at);
        foreach (var (place, kind) in last.Index())
        {
            var at = End + (place * 10);
            var read = new HistoryOperation(Operations + 1 + place, kind, at, at + 5, OperationOutcome.Ok);
            _history.Add(apply(read, _state, _version).Answer);
        }
        return HandMade.History([.. _history]);
    }

    private void Schedule(int number, Random random, PriorityQueue<Action<long>, long> events, ModelFlaw flaw)
    {
        var invokedAt = (number * 10) + random.Next(10);
        var tookEffectAt = invokedAt + random.Next(1, 30);
        var completedAt = tookEffectAt + random.Next(1, 30);
        var fate = random.NextDouble();
        events.Enqueue(
            at =>
            {
                var begun = begin(random, number, _state) with { InvokedAt = at };
                if (fate < 0.05)
                    _history.Add(begun with { Outcome = OperationOutcome.Fail, CompletedAt = completedAt });
                else if (fate < 0.15)
                    _history.Add(begun with { Outcome = OperationOutcome.Unknown, CompletedAt = HistoryOperation.Never });
                var isApplied = fate >= 0.05 || (flaw == ModelFlaw.AppliesFailures && fate < 0.02);
                if (fate is >= 0.05 and < 0.10)
                    return; // it never takes effect, and nobody knows
                if (isApplied)
                    events.Enqueue(_ => TakeEffect(begun, fate, completedAt, random, flaw), fate is >= 0.10 and < 0.15 ? invokedAt + random.Next(1, 600) : tookEffectAt);
            },
            invokedAt);
    }

    private void TakeEffect(HistoryOperation begun, double fate, long completedAt, Random random, ModelFlaw flaw)
    {
        var isRead = begun.Kind is OperationKind.Read or OperationKind.ReadLedger;
        var isStale = flaw == ModelFlaw.ReadsStale && isRead && random.NextDouble() < 0.1;
        var (answer, state) = apply(begun, isStale ? _before : _state, _version += 10);
        if (fate >= 0.15)
            _history.Add(answer with { CompletedAt = completedAt });
        if (random.NextDouble() < 0.1)
            _before = _state;
        if (!isRead && !(flaw == ModelFlaw.LosesWrites && random.NextDouble() < 0.05))
            _state = state;
    }
}

public enum ModelFlaw
{
    None,

    /// <summary>It forgets at one moment what it acknowledged shortly before.</summary>
    LosesCommits,

    /// <summary>Some reads show an older state.</summary>
    ReadsStale,

    /// <summary>Some writes are acknowledged and not applied.</summary>
    LosesWrites,

    /// <summary>Some writes say that nothing was applied, and are applied.</summary>
    AppliesFailures,
}
