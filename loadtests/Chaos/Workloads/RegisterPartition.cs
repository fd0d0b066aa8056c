using System.Globalization;
using LoadTests.Chaos.Checkers;
using LoadTests.Chaos.Recording;

namespace LoadTests.Chaos.Workloads;

/// <summary>One item that many clients write, mostly on condition, and read; for <see cref="RegisterChecker"/>.</summary>
internal sealed class RegisterPartition(string key, PartitionRecorder recorder, ItemCalls calls) : IWorkloadPartition
{
    private const string Id = "r";
    private const int MaxOperations = 1200;

    private int _operations;
    private long _version; // the last that anybody saw, perhaps overtaken already: then the write is refused

    public string Key => key;

    public bool IsFull => _operations > MaxOperations;

    public async Task StepAsync(Random random)
    {
        var number = Interlocked.Increment(ref _operations);
        var value = string.Create(CultureInfo.InvariantCulture, $"v{number}");
        var document = $$"""{"value":"{{value}}"}""";
        var known = Interlocked.Read(ref _version);
        var choice = random.NextDouble();
        var answer = choice switch
        {
            _ when known == 0 => await calls.WriteAsync(random, OperationKind.Create, Id, null, value, document),
            < 0.45 => await ReadAsync(random),
            < 0.90 => await calls.WriteAsync(random, OperationKind.Replace, Id, null, value, document, known),
            < 0.92 => await calls.WriteAsync(random, OperationKind.Create, Id, null, value, document),
            _ => await calls.WriteAsync(random, OperationKind.Put, Id, null, value, document),
        };
        if ((answer.IsRefused ? answer.CurrentVersion : answer.ETag) is { } version)
            Learn(version);
    }

    public async Task ReadLastAsync(CancellationToken cancellation)
    {
        while ((await ReadAsync(Random.Shared)).Outcome != OperationOutcome.Ok)
            await Task.Delay(100, cancellation);
    }

    public void Dispose() => recorder.Dispose();

    private async Task<ApiAnswer> ReadAsync(Random random) =>
        (await calls.ReadAsync(random, Id, null, document => document.GetProperty("value").GetString()!, null)).Answer;

    private void Learn(long version)
    {
        for (long known; (known = Interlocked.Read(ref _version)) < version;)
            if (Interlocked.CompareExchange(ref _version, version, known) == known)
                return;
    }
}
