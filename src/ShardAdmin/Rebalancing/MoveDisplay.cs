using System.Diagnostics;
using System.Globalization;
using ShardAdmin.Output;
using ShardCore.Moves;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace ShardAdmin.Rebalancing;

/// <summary>What people see while batches move: a table over itself on a terminal, else a line for each change.</summary>
internal sealed class MoveDisplay(IReadOnlyList<SourcedBatch> batches)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<Guid, Running> _running = [];
    private readonly int _slots = batches.Sum(each => each.Batch.Slots.Length);
    private int _slotsDone;
    private int _batchesDone;

    public MoveProgress Begin(SourcedBatch each)
    {
        var progress = new MoveProgress();
        lock (_gate)
            _running[each.Batch.Id] = new Running(each, progress);
        return progress;
    }

    public void Finish(SourcedBatch each)
    {
        lock (_gate)
        {
            _slotsDone += each.Batch.Slots.Length;
            _batchesDone++;
            _running[each.Batch.Id].IsFinished = true;
        }
    }

    public IRenderable Render()
    {
        lock (_gate)
        {
            var table = Tables.New("move", ">slots", "step", ">copied", ">MiB/s", ">changes", ">lag", ">pause");
            foreach (var running in _running.Values.Where(running => !running.IsFinished))
                table.Row(
                    running.Name, $"{running.Each.Batch.Slots.Length}", running.Step, Tables.Bytes(running.Progress.Bytes), running.Speed(),
                    Tables.Count(running.Progress.Changes), Milliseconds(running.Progress.Lag), running.Progress.Pause is { } pause ? Milliseconds(pause) : null);
            table.Title = new TableTitle($"{Tables.Count(_slotsDone)} of {Tables.Count(_slots)} slots, {_batchesDone} of {batches.Count} batches");
            return table;
        }
    }

    /// <returns>A line for each batch whose step is another than at the last call.</returns>
    public IReadOnlyList<string> Changes()
    {
        lock (_gate)
        {
            var lines = _running.Values.Where(running => running.Shown != running.Step).Select(running => running.Line(batches.Count)).ToArray();
            foreach (var finished in _running.Where(running => running.Value.IsFinished).Select(running => running.Key).ToArray())
                _running.Remove(finished);
            return lines;
        }
    }

    private static string Milliseconds(TimeSpan time) => time.TotalMilliseconds.ToString("0", CultureInfo.InvariantCulture) + " ms";

    private sealed class Running(SourcedBatch each, MoveProgress progress)
    {
        private readonly Stopwatch _clock = Stopwatch.StartNew();

        public SourcedBatch Each => each;
        public MoveProgress Progress => progress;
        public bool IsFinished { get; set; }
        public string? Shown { get; private set; }
        public string Name => $"{each.Source.Id} → {each.Batch.Target} #{each.Batch.Ordinal + 1}";
        public string Step => IsFinished ? "done" : progress.Step?.ToString().ToLowerInvariant() ?? "waiting";

        public string Speed() => (progress.Bytes / 1048576d / Math.Max(0.001, _clock.Elapsed.TotalSeconds)).ToString("0.0", CultureInfo.InvariantCulture);

        public string Line(int of)
        {
            Shown = Step;
            var pause = progress.Pause is { } held ? $", writes held {Milliseconds(held)}" : "";
            return $"{Name} of {of}, {each.Batch.Slots.Length} slots: {Step}, {Tables.Bytes(progress.Bytes)} copied, {Tables.Count(progress.Changes)} changes{pause}";
        }
    }
}
