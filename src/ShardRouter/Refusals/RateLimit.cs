using System.Globalization;

namespace ShardRouter.Refusals;

/// <summary>The state of a limit for the fields RateLimit-Policy and RateLimit (draft-ietf-httpapi-ratelimit-headers-11).</summary>
/// <param name="Policy">Its name.</param>
/// <param name="PerSecond">The quota of each second.</param>
/// <param name="Left">What is left of it.</param>
/// <param name="Wait">Until there is enough, or all of it.</param>
internal sealed record RateLimit(string Policy, int PerSecond, int Left, TimeSpan Wait)
{
    public int WaitSeconds => Math.Max(1, (int)Math.Ceiling(Wait.TotalSeconds));

    public void Tell(IHeaderDictionary headers)
    {
        headers["RateLimit-Policy"] = string.Create(CultureInfo.InvariantCulture, $"\"{Policy}\";q={PerSecond};w=1");
        headers["RateLimit"] = string.Create(CultureInfo.InvariantCulture, $"\"{Policy}\";r={Left};t={WaitSeconds}");
    }
}
