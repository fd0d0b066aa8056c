using System.Globalization;
using System.Text.RegularExpressions;
using Workbench;

namespace Fuzz.Judging;

/// <summary>One router as it looks from outside: whether it lives, what it holds, and what it logs.</summary>
/// <param name="log">Its log file; null: nobody keeps one.</param>
internal sealed partial class RouterWatch(string name, Uri operations, int processId, string? log) : IDisposable
{
    /// <summary>As the tests of payloads: the budget of 64 MiB, and what a router has otherwise.</summary>
    private const double MostMebibytes = 400;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    /// <summary>All of these are 0 in a router that has nothing to do.</summary>
    private static readonly string[] Held =
    [
        "sharding_requests_in_flight", "sharding_shard_pool_in_use", "sharding_shard_pool_waiting", "sharding_gather_waiting", "sharding_slots_held",
        "sharding_shard_pool_abandoned", "sharding_payload_held",
    ];

    private readonly HttpClient _client = new() { BaseAddress = operations, Timeout = TimeSpan.FromSeconds(5) };
    private readonly long _logBegan = log is not null && File.Exists(log) ? new FileInfo(log).Length : 0;

    public string Name => name;

    public double Mebibytes => Resident("VmRSS:");

    public double PeakMebibytes => Resident("VmHWM:");

    public bool IsGone => ProcessTree.IsGone(processId);

    /// <summary>After the load has ended.</summary>
    /// <returns>What is not as it should be.</returns>
    public async Task<IReadOnlyList<string>> ExamineAsync()
    {
        if (IsGone)
            return [$"{name} has ended"];
        var problems = LogProblems();
        if (await NotLetGoAsync() is { } held)
            problems.Add($"{name} has not let go: {held}");
        if (PeakMebibytes > MostMebibytes)
            problems.Add(string.Create(CultureInfo.InvariantCulture, $"{name} had {PeakMebibytes:0} MiB, more than {MostMebibytes:0}"));
        return problems;
    }

    public void Dispose() => _client.Dispose();

    private async Task<string?> NotLetGoAsync()
    {
        string? held = null;
        for (var until = DateTime.UtcNow + Patience; DateTime.UtcNow < until; await Task.Delay(250))
        {
            var metrics = await _client.GetStringAsync(new Uri("/metrics", UriKind.Relative));
            held = string.Join(", ", metrics.Split('\n').Where(line =>
                Array.Exists(Held, metric => line.StartsWith(metric, StringComparison.Ordinal)) && !Zero().IsMatch(line)).Select(line => line.Trim()));
            if (held.Length == 0)
                return null;
        }
        return held;
    }

    /// <summary>A router logs an error only when it met something that nobody foresaw.</summary>
    private List<string> LogProblems()
    {
        if (log is null || !File.Exists(log))
            return [];
        using var file = new FileStream(log, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        file.Position = Math.Min(_logBegan, file.Length);
        using var reader = new StreamReader(file);
        var lines = reader.ReadToEnd().Split('\n').Where(line => Unforeseen().IsMatch(line)).ToList();
        return lines.Count == 0 ? [] : [$"{name} logged {lines.Count} lines like: {lines[0][..Math.Min(lines[0].Length, 500)]}"];
    }

    private double Resident(string which)
    {
        try
        {
            var line = File.ReadLines(string.Create(CultureInfo.InvariantCulture, $"/proc/{processId}/status"))
                .FirstOrDefault(line => line.StartsWith(which, StringComparison.Ordinal));
            return line is null ? 0 : double.Parse(line.AsSpan(which.Length, line.Length - which.Length - " kB".Length), CultureInfo.InvariantCulture) / 1024;
        }
        catch (IOException)
        {
            return 0; // it has ended
        }
    }

    [GeneratedRegex(@"^(fail|crit):|Unhandled exception|met a defect|Exception:", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Unforeseen();

    [GeneratedRegex(@" 0(\.0+)?( \d+)?$", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Zero();
}
