using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardAdmin.Output;
using ShardCore.Ring;
using Spectre.Console;

namespace ShardAdmin.Operations;

/// <summary>Shows one operation once a second until it is over. It reads the journals, so any process may work on the operation.</summary>
internal sealed class OperationWatch(AdminSession session, ShardRing ring, Guid id)
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    private readonly TimeLeft _left = new();
    private string _shown = "";

    /// <returns>The operation at its end.</returns>
    public async Task<OperationLine> RunAsync(CancellationToken cancellation)
    {
        var operation = await OperationSurvey.FindAsync(session, ring.Shards, id, cancellation)
            ?? throw new CommandFailedException(ExitCode.NotFound, $"There is no operation {id}.", "shardadmin ops list");
        if (!session.Output.IsLive)
            return await FollowAsync(operation, Tell, cancellation);
        await session.Output.Results.Live(Picture(operation)).AutoClear(true).StartAsync(async context =>
            operation = await FollowAsync(operation, now => context.UpdateTarget(Picture(now)), cancellation));
        OperationTable.Render(session.Output.Results, operation);
        return operation;
    }

    private async Task<OperationLine> FollowAsync(OperationLine operation, Action<OperationLine> show, CancellationToken cancellation)
    {
        for (show(operation); !operation.IsOver; show(operation))
        {
            await Task.Delay(Interval, cancellation);
            try
            {
                operation = await OperationSurvey.FindAsync(session, ring.Shards, id, cancellation) ?? operation;
            }
            catch (ShardUnreachableException e)
            {
                session.Output.Note($"{e.Message} Still looking.");
            }
        }
        return operation;
    }

    /// <summary>For people, writes a line when something has changed; for programs, writes the operation once a second.</summary>
    private void Tell(OperationLine operation)
    {
        var line = Line(operation);
        if (session.Output.ShowsTable && line == _shown)
            return;
        _shown = line;
        session.Output.WriteEvent(operation, line);
    }

    private static string Line(OperationLine operation)
    {
        var steps = operation.BatchList.Where(batch => !batch.IsOver && batch.Step is not null)
            .Select(batch => $"{batch.Source} → {batch.Target} #{batch.Ordinal + 1} {batch.Step}");
        return $"{operation.State}: {operation.SlotsDone} of {operation.Slots} slots, {operation.BatchesDone} of {operation.Batches} "
            + $"batches, {Tables.Counted(operation.Rows, "row")}, {Tables.Bytes(operation.Bytes)}"
            + string.Concat(steps.Select(step => "; " + step));
    }

    private Rows Picture(OperationLine operation)
    {
        (string From, string To, int Slots, double Done)[] pairs = [.. operation.BatchList.Select(batch => (
            batch.Source, batch.Target, batch.SlotCount,
            batch.SlotCount * (batch.Phase == "done" ? 1 : batch.IsOver ? 0 : ShardBars.ShareOf(batch.Bytes, batch.BytesPlanned))))];
        var left = TimeLeft.Text(_left.At(pairs.Sum(pair => pair.Done) / Math.Max(1, operation.Slots)));
        var title = $"{operation.State}: {operation.Command}; {operation.SlotsDone} of {operation.Slots} slots{left}";
        return new Rows(
            new Text(title), ShardBars.Of(pairs),
            OperationTable.Batches(operation.BatchList.Where(batch => !batch.IsOver && batch.Mover is not null)));
    }
}
