using System.Globalization;
using Fuzz.Making;

namespace Fuzz.Judging;

/// <summary>What was found, each kind once with its bytes; further ones are only counted.</summary>
/// <param name="folder">Where the bytes of each kind's first case go.</param>
internal sealed class Findings(string folder)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, int> _counts = new(StringComparer.Ordinal);

    public int Count
    {
        get
        {
            lock (_gate)
                return _counts.Values.Sum();
        }
    }

    public IReadOnlyList<string> Lines
    {
        get
        {
            lock (_gate)
                return [.. _counts.Select(each => string.Create(CultureInfo.InvariantCulture, $"{each.Value} times: {each.Key}"))];
        }
    }

    /// <param name="what">The same words for the same fault.</param>
    /// <param name="number">Which case of the run; null: not one alone.</param>
    public void Add(string what, FuzzCase? sent = null, long? number = null, string? answer = null)
    {
        lock (_gate)
        {
            _counts[what] = _counts.GetValueOrDefault(what) + 1;
            if (sent is null || _counts[what] > 1)
                return;
            Directory.CreateDirectory(folder);
            var path = Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"{_counts.Count:00}"));
            File.WriteAllBytes(path + ".request", sent.Bytes);
            File.WriteAllText(path + ".txt", string.Create(CultureInfo.InvariantCulture, $"{what}\ncase {number}, {sent.Kind}\n\n{answer}\n"));
        }
    }
}
