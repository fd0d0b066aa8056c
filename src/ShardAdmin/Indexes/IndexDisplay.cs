using System.Globalization;
using ShardAdmin.Operations;
using ShardAdmin.Output;
using ShardCore.Ring;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace ShardAdmin.Indexes;

/// <summary>Shows people how far the build of an index is in each shard: bars on a terminal, elsewhere a line for each change.</summary>
internal sealed class IndexDisplay(IndexKey key, IEnumerable<ShardId> shards)
{
    private readonly Lock _gate = new();
    private readonly TimeLeft _left = new();
    private readonly SortedDictionary<ShardId, Line> _lines = new(shards.ToDictionary(id => id, _ => new Line(0, "")));
    private string _shown = "";
    private string? _problem;

    /// <param name="share">0…1</param>
    /// <param name="phase">As Postgres calls it; null: nothing goes on there any more.</param>
    public void Show(ShardId shard, double share, string? phase)
    {
        lock (_gate)
            _lines[shard] = new Line(Math.Max(share, _lines.GetValueOrDefault(shard)?.Share ?? 0), TextOf(share, phase));
    }

    /// <param name="problem">Why nothing goes on at the moment; null: it does.</param>
    public void Tell(string? problem)
    {
        lock (_gate)
            _problem = problem;
    }

    public IRenderable Render()
    {
        lock (_gate)
        {
            var table = Tables.New("shard", "", ">done", "");
            foreach (var (shard, line) in _lines)
                table.Row(shard.Value, ShardBars.Bar(line.Share), Tables.Percent(line.Share), line.Text);
            table.Title = new TableTitle(Markup.Escape($"index {key}{TimeLeft.Text(_left.At(Share))}"));
            if (_problem is not null)
                table.Caption = new TableTitle(Markup.Escape(_problem));
            return table;
        }
    }

    /// <returns>A line, if the whole has come a tenth further, or a shard has begun or ended to wait.</returns>
    public IReadOnlyList<string> Changes()
    {
        lock (_gate)
        {
            var waits = string.Concat(_lines.Where(line => line.Value.Text.Length > 0).Select(line => $"; {line.Key} {line.Value.Text}"));
            var problem = _problem is null ? "" : $"; {_problem}";
            var now = string.Create(CultureInfo.InvariantCulture, $"index {key}: {Math.Floor(Share * 10) * 10:0} %{waits}{problem}");
            if (now == _shown)
                return [];
            _shown = now;
            return [now];
        }
    }

    private double Share => _lines.Count == 0 ? 0 : _lines.Values.Average(line => line.Share);

    private static string TextOf(double share, string? phase) =>
        IndexProgress.IsWaiting(phase) ? IndexProgress.WaitsText
        : phase is null ? share >= 1 ? "built" : ""
        : phase.StartsWith("building index", StringComparison.Ordinal) ? "builds"
        : phase.StartsWith("index validation", StringComparison.Ordinal) ? "checks what was written meanwhile"
        : phase;

    private sealed record Line(double Share, string Text);
}
