using Chaos.Checkers;
using Chaos.Recording;

namespace Chaos.Workloads;

/// <summary>
/// One item that many clients write (mostly with a condition), patch, delete and read; for <see cref="RegisterChecker"/>.
/// </summary>
internal sealed class RegisterPartition(string key, PartitionRecorder recorder, ItemCalls calls, Neighbours<RegisterPartition> neighbours)
    : IWorkloadPartition
{
    private const string Id = "r";
    private const int MaxOperations = 1200;
    private const double LargeShare = 0.02;

    private static readonly ItemView View = new(Id, null, RegisterDocument.LastWritten, RegisterDocument.BesidePatch);

    private int _operations;
    private long _version; // the last version that a client saw; if it is old already, a write is refused. 0: there is none

    public string Key => key;

    public bool IsFull => _operations > MaxOperations;

    private ItemCalls Calls => calls;

    public async Task StepAsync(Random random)
    {
        var number = Interlocked.Increment(ref _operations);
        var known = Interlocked.Read(ref _version);
        var answer = random.NextDouble() switch
        {
            _ when known == 0 => await WriteAsync(random, OperationKind.Create, number),
            < 0.38 => (await calls.ReadAsync(random, View)).Answer,
            < 0.45 => await ReadWithOthersAsync(random),
            < 0.80 => await WriteAsync(random, OperationKind.Replace, number, known),
            < 0.82 => await WriteAsync(random, OperationKind.Create, number),
            < 0.88 => await WriteAsync(random, OperationKind.Put, number),
            < 0.93 => await PatchAsync(random, number, null),
            < 0.96 => await PatchAsync(random, number, known),
            < 0.98 => await calls.DeleteAsync(random, Id, null, known),
            _ => await calls.DeleteAsync(random, Id, null),
        };
        Learn(known, answer);
    }

    public async Task ReadLastAsync(CancellationToken cancellation)
    {
        while ((await calls.ReadAsync(Random.Shared, View)).Answer.Outcome != OperationOutcome.Ok)
            await Task.Delay(100, cancellation);
    }

    public void Dispose() => recorder.Dispose();

    private async Task<ApiAnswer> ReadWithOthersAsync(Random random) =>
        (await BatchCalls.ReadAsync(random, [(calls, View), .. neighbours.Others(random, this, 3).Select(other => (other.Calls, View))])).Answer;

    private Task<ApiAnswer> WriteAsync(Random random, OperationKind kind, int number, long? expected = null)
    {
        var value = WrittenValue.Of(key, RegisterDocument.IdOf(random.NextDouble() < LargeShare), number);
        return calls.WriteAsync(random, kind, Id, null, value, RegisterDocument.Of(value), expected);
    }

    private Task<ApiAnswer> PatchAsync(Random random, int number, long? expected)
    {
        var value = WrittenValue.Of(key, "p", number);
        return calls.WriteAsync(random, OperationKind.Patch, Id, null, value, RegisterDocument.PatchOf(value), expected);
    }

    private void Learn(long before, ApiAnswer answer)
    {
        if ((answer.IsRefused ? answer.CurrentVersion : answer.ETag) is { } version)
            for (long known; (known = Interlocked.Read(ref _version)) < version && Interlocked.CompareExchange(ref _version, version, known) != known;)
                continue;
        else if (answer.IsRefused || answer.IsItemNotFound || answer.Status == 204)
            Interlocked.CompareExchange(ref _version, 0, before); // the item is gone, unless another client saw a newer version meanwhile
    }
}
