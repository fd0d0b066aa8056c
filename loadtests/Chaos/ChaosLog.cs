using System.Diagnostics;
using System.Globalization;

namespace Chaos;

/// <summary>Logs events with their times, to people and into a file beside the recording; and counts them.</summary>
internal sealed class ChaosLog(TextWriter screen, string path) : IDisposable
{
    /// <summary>How many surprises are kept; further ones are only counted.</summary>
    private const int KeptSurprises = 30;

    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private readonly StreamWriter _file = new(path) { AutoFlush = true };
    private readonly Lock _gate = new();
    private readonly SortedDictionary<string, int> _counts = new(StringComparer.Ordinal);
    private readonly List<string> _surprises = [];

    public TimeSpan Elapsed => _clock.Elapsed;

    /// <summary>Answers of the service, and ends of programs, that no fault explains.</summary>
    public IReadOnlyList<string> Surprises
    {
        get
        {
            lock (_gate)
                return [.. _surprises];
        }
    }

    public int SurpriseCount { get; private set; }

    public IReadOnlyList<(string What, int Times)> Counts
    {
        get
        {
            lock (_gate)
                return [.. _counts.Select(each => (each.Key, each.Value))];
        }
    }

    public int CountOf(string what)
    {
        lock (_gate)
            return _counts.GetValueOrDefault(what);
    }

    /// <summary>Logs a step of the schedule.</summary>
    public void Tell(string who, string what) => Write(string.Create(CultureInfo.InvariantCulture, $"{_clock.Elapsed.TotalSeconds,8:0.0} s  {who,-7} {what}"));

    public void Write(string line)
    {
        lock (_gate)
        {
            screen.WriteLine(line);
            _file.WriteLine(line);
        }
    }

    public void Count(string what, int times = 1)
    {
        lock (_gate)
            _counts[what] = _counts.GetValueOrDefault(what) + times;
    }

    public void Surprise(string what)
    {
        Tell("?", what);
        lock (_gate)
        {
            SurpriseCount++;
            if (_surprises.Count < KeptSurprises)
                _surprises.Add(string.Create(CultureInfo.InvariantCulture, $"{_clock.Elapsed.TotalSeconds:0.0} s: {what}"));
        }
    }

    public void Dispose() => _file.Dispose();
}
