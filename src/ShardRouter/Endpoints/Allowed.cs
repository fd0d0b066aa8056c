using ShardRouter.Callers;

namespace ShardRouter.Endpoints;

/// <summary>
/// Those entries of a batch whose partitions are for the caller. Only they are asked of shards; the others get their answer here, each in
/// its place.
/// </summary>
internal sealed class Allowed<T>(List<T> entries, bool[]? isAllowed)
{
    public List<T> Entries => entries;

    public bool IsNothing => entries.Count == 0;

    /// <param name="answers">To the entries that are allowed.</param>
    /// <param name="outside">The answer to the entry in this place, which is not.</param>
    public TAnswer[] Spread<TAnswer>(TAnswer[] answers, Func<int, TAnswer> outside)
    {
        if (isAllowed is null)
            return answers;
        var all = new TAnswer[isAllowed.Length];
        for (int i = 0, next = 0; i < all.Length; i++)
            all[i] = isAllowed[i] ? answers[next++] : outside(i);
        return all;
    }
}

internal static class Allowed
{
    public static Allowed<T> Of<T>(List<T> batch, Func<T, string> partitionOf, Caller caller)
    {
        if (caller.IsEverywhere || batch.TrueForAll(entry => caller.MayUsePartition(partitionOf(entry))))
            return new Allowed<T>(batch, null);
        bool[] isAllowed = [.. batch.Select(entry => caller.MayUsePartition(partitionOf(entry)))];
        return new Allowed<T>([.. batch.Where((_, i) => isAllowed[i])], isAllowed);
    }
}
