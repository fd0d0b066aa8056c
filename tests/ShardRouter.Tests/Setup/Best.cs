namespace ShardRouter.Tests.Setup;

/// <summary>For what must be quick: a busy machine may delay one answer, a router that is slow delays all.</summary>
internal static class Best
{
    /// <returns>The shortest of several.</returns>
    public static async Task<TimeSpan> OfAsync(int attempts, Func<Task<TimeSpan>> measure)
    {
        var best = TimeSpan.MaxValue;
        for (var i = 0; i < attempts; i++)
            if (await measure() is var taken && taken < best)
                best = taken;
        return best;
    }
}
