namespace ShardCore.Ring;

/// <summary>Joins neighbouring numbers into runs. Slots are written as runs for people and in row filters.</summary>
public static class SlotRuns
{
    /// <param name="numbers">Ascending.</param>
    /// <returns>Both ends included.</returns>
    public static IEnumerable<(int First, int Last)> Of(IEnumerable<int> numbers)
    {
        (int First, int Last)? open = null;
        foreach (var number in numbers)
        {
            if (open is { } run && run.Last + 1 == number)
            {
                open = (run.First, number);
                continue;
            }
            if (open is { } done)
                yield return done;
            open = (number, number);
        }
        if (open is { } last)
            yield return last;
    }
}

/// <summary>Neighbouring slots with one owner, both ends included. A ring is written as a list of these.</summary>
public readonly record struct SlotRun(Slot First, Slot Last, ShardId Owner)
{
    public int Length => Last.Value - First.Value + 1;
}
