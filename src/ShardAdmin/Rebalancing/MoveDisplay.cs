using System.Diagnostics;
using System.Globalization;
using ShardAdmin.Operations;
using ShardAdmin.Output;
using ShardCore.Moves.Batches;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace ShardAdmin.Rebalancing;

/// <summary>Shows people how batches move: a live table on a terminal, elsewhere a line for each change.</summary>
/// <param name="finished">Called for each batch when it ends.</param>
internal sealed class MoveDisplay(IReadOnlyList<SourcedBatch> batches, Action<SourcedBatch, MoveProgress>? finished = null)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<Guid, Running> _running = [];
    private readonly HashSet<Guid> _done = [];
    private readonly TimeLeft _left = new();
    private readonly int _slots = batches.Sum(each => each.Batch.Slots.Length);

    public MoveProgress Begin(SourcedBatch each)
    {
        var progress = new MoveProgress();
        lock (_gate)
            _running[each.Batch.Id] = new Running(each, batches.TakeWhile(other => other.Batch.Id != each.Batch.Id).Count() + 1, progress);
        return progress;
    }

    public void Finish(SourcedBatch each)
    {
        MoveProgress progress;
        lock (_gate)
        {
            _done.Add(each.Batch.Id);
            _running[each.Batch.Id].IsFinished = true;
            progress = _running[each.Batch.Id].Progress;
        }
        finished?.Invoke(each, progress);
    }

    public IRenderable Render()
    {
        lock (_gate)
        {
            var pairs = batches.Select(each => (each.Source.Id.Value, each.Batch.Target.Value, each.Batch.Slots.Length, DoneOf(each)));
            var table = Tables.New("batch", ">slots", "step", ">rows", ">copied", ">MiB/s", ">changes", ">lag", ">pause");
            foreach (var running in _running.Values.Where(running => !running.IsMoved))
                table.Row(
                    running.Name, $"{running.Each.Batch.Slots.Length}", running.Step, Tables.Count(running.Progress.Rows),
                    Tables.Bytes(running.Progress.Bytes), running.Speed(), Tables.Count(running.Progress.Changes),
                    Tables.Milliseconds(running.Progress.Lag.TotalMilliseconds),
                    Tables.Milliseconds(running.Progress.Pause?.TotalMilliseconds));
            SourcedBatch[] moved = [.. batches.Where(each =>
                _done.Contains(each.Batch.Id) || (_running.TryGetValue(each.Batch.Id, out var running) && running.IsMoved))];
            var slots = moved.Sum(each => each.Batch.Slots.Length);
            table.Title = new TableTitle(
                $"{Tables.Count(slots)} of {Tables.Count(_slots)} slots, {moved.Length} of {batches.Count} batches{Left()}");
            return new Rows(ShardBars.Of(pairs), table);
        }
    }

    /// <returns>A line for each batch whose step has changed since the last call.</returns>
    public IReadOnlyList<string> Changes()
    {
        lock (_gate)
        {
            var left = Left();
            var lines = _running.Values.Where(running => running.Shown != running.Step)
                .Select(running => running.Line(batches.Count) + left).ToArray();
            foreach (var ended in _running.Where(running => running.Value.IsFinished).Select(running => running.Key).ToArray())
                _running.Remove(ended);
            return lines;
        }
    }

    private string Left() => TimeLeft.Text(_left.At(batches.Sum(DoneOf) / Math.Max(1, _slots)));

    private double DoneOf(SourcedBatch each) => each.Batch.Slots.Length
        * (_done.Contains(each.Batch.Id) ? 1
            : _running.TryGetValue(each.Batch.Id, out var running) ? ShardBars.ShareOf(running.Progress.Bytes, each.Bytes) : 0);

    /// <param name="place">Among the batches of this run, from 1. When an operation is resumed that is not its place in the plan.</param>
    private sealed class Running(SourcedBatch each, int place, MoveProgress progress)
    {
        private readonly Stopwatch _clock = Stopwatch.StartNew();

        public SourcedBatch Each => each;
        public MoveProgress Progress => progress;
        public bool IsFinished { get; set; }
        public string? Shown { get; private set; }

        /// <summary>Whether only the deletion of the source's rows is left, which begins when every batch has come so far.</summary>
        public bool IsMoved => IsFinished || progress.Step is MoveStep.Clean or MoveStep.Finish;

        public string Name => $"{each.Source.Id} → {each.Batch.Target} #{place}";
        public string Step => IsFinished ? "done" : StepWords.Of(progress.Step);

        public string Speed() => (progress.Bytes / 1048576d / Math.Max(0.001, _clock.Elapsed.TotalSeconds))
            .ToString("0.0", CultureInfo.InvariantCulture);

        public string Line(int of)
        {
            Shown = Step;
            var pause = progress.Pause is { } held ? $", writes held {Tables.Milliseconds(held.TotalMilliseconds)}" : "";
            var lag = progress.Lag > TimeSpan.Zero ? $", lag {Tables.Milliseconds(progress.Lag.TotalMilliseconds)}" : "";
            return $"{Name} of {of}, {Tables.Counted(each.Batch.Slots.Length, "slot")}: {Step}, {Tables.Counted(progress.Rows, "row")}, "
                + $"{Tables.Bytes(progress.Bytes)} copied, {Speed()} MiB/s, {Tables.Counted(progress.Changes, "change")}{lag}{pause}";
        }
    }
}
