using System.Globalization;

namespace Chaos.Matrix;

/// <summary>Counts how often shards refused a router's request because they do not own the slot.</summary>
internal static class FenceRefusals
{
    private const string Metric = "sharding_fence_refusals";

    private static readonly HttpClient Client = new() { Timeout = TimeSpan.FromSeconds(5) };

    /// <param name="operations">The router's operations port.</param>
    public static async Task<double> ReadAsync(Uri operations, CancellationToken cancellation) =>
        (await Client.GetStringAsync(new Uri(operations, "/metrics"), cancellation)).Split('\n')
            .Where(line => line.StartsWith(Metric, StringComparison.Ordinal))
            .Sum(line => double.Parse(line[(line.LastIndexOf('}') + 1)..].Trim().Split(' ')[0], CultureInfo.InvariantCulture));
}
