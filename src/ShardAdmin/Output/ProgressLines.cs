using System.Diagnostics;
using System.Globalization;

namespace ShardAdmin.Output;

/// <summary>Shows progress where no bar can be drawn: one line every few seconds.</summary>
internal sealed class ProgressLines(string title, double total, Action<string> write)
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);

    private readonly Lock _gate = new();
    private readonly Stopwatch _sinceLine = Stopwatch.StartNew();
    private double _done;

    public void Advance(double by)
    {
        lock (_gate)
        {
            _done += by;
            if (_sinceLine.Elapsed < Interval)
                return;
            _sinceLine.Restart();
            write(string.Create(CultureInfo.InvariantCulture, $"{title}: {_done:0} of {total:0}"));
        }
    }
}
