namespace ShardCore.Ring;

/// <summary>Numbers with their neighbours joined: how slots are written for people and for a row filter.</summary>
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
