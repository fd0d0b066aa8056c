using System.Text.Json;
using Chaos.Checkers;
using Chaos.Recording;

namespace Chaos.Workloads;

/// <summary>
/// A list in one item. Clients append to it: they read it, then write it with a condition. For <see cref="AppendChecker"/>.
/// </summary>
internal sealed class AppendPartition(string key, PartitionRecorder recorder, ItemCalls calls, Neighbours<AppendPartition> neighbours) : IWorkloadPartition
{
    private const string Id = "l";
    private const int MaxLength = 60;
    private const double BatchShare = 0.2;

    private static readonly ItemView View = new(Id, null, null, ListOf);

    private volatile int _length;
    private int _values;

    public string Key => key;

    public bool IsFull => _length >= MaxLength;

    private ItemCalls Calls => calls;

    public async Task StepAsync(Random random)
    {
        var (answer, isThere) = random.NextDouble() < BatchShare
            ? await BatchCalls.ReadAsync(random, [(calls, View), .. neighbours.Others(random, this, 3).Select(other => (other.Calls, View))])
            : await calls.ReadAsync(random, View);
        if (answer.Outcome != OperationOutcome.Ok || (isThere && random.NextDouble() < 0.2))
            return;
        var value = WrittenValue.Of(key, Id, Interlocked.Increment(ref _values));
        IReadOnlyList<string> list = isThere ? answer.Json(ListOf) : [];
        var document = JsonSerializer.Serialize(new { list = list.Append(value) });
        var written = isThere
            ? await calls.WriteAsync(random, OperationKind.Replace, Id, null, value, document, answer.ETag)
            : await calls.WriteAsync(random, OperationKind.Create, Id, null, value, document);
        if (written.Outcome == OperationOutcome.Ok)
            _length = list.Count + 1;
    }

    public async Task ReadLastAsync(CancellationToken cancellation)
    {
        while ((await calls.ReadAsync(Random.Shared, View)).Answer.Outcome != OperationOutcome.Ok)
            await Task.Delay(100, cancellation);
    }

    public void Dispose() => recorder.Dispose();

    private static IReadOnlyList<string> ListOf(JsonElement document) => [.. document.GetProperty("list").EnumerateArray().Select(value => value.GetString()!)];
}
