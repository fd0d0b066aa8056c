using System.Globalization;
using LoadTests.Chaos.Checkers;
using LoadTests.Chaos.Recording;

namespace LoadTests.Chaos.Workloads;

/// <summary>Items that are inserted once each, some to expire, and deleted; for <see cref="SetChecker"/>.</summary>
internal sealed class SetPartition(string key, PartitionRecorder recorder, ItemCalls calls) : IWorkloadPartition
{
    private const int MaxItems = 100;
    private const int MaxOperations = 700;

    private int _items;
    private int _operations;

    public string Key => key;

    public bool IsFull => _operations > MaxOperations;

    public async Task StepAsync(Random random)
    {
        Interlocked.Increment(ref _operations);
        var items = Math.Min(MaxItems, Volatile.Read(ref _items));
        var choice = random.NextDouble();
        var item = Item(random.Next(items) + 1);
        if (items == 0 || (choice < 0.25 && items < MaxItems))
            await InsertAsync(random);
        else if (choice < 0.40)
            await calls.DeleteAsync(random, item, item);
        else if (choice < 0.80)
            await calls.ReadAsync(random, item, item, null, null);
        else
            await ScanAsync(random);
    }

    public async Task ReadLastAsync(CancellationToken cancellation)
    {
        while (!await ScanAsync(Random.Shared))
            await Task.Delay(100, cancellation);
    }

    public void Dispose() => recorder.Dispose();

    private async Task InsertAsync(Random random)
    {
        var item = Item(Interlocked.Increment(ref _items));
        int? ttlSeconds = random.NextDouble() < 0.3 ? random.Next(2, 8) : null;
        await calls.WriteAsync(random, OperationKind.Create, item, item, item, "{\"in\":true}", ttlSeconds: ttlSeconds);
    }

    private Task<bool> ScanAsync(Random random) => calls.ScanAsync(random, OperationKind.Read, item => item.GetProperty("id").GetString()!);

    private static string Item(int number) => string.Create(CultureInfo.InvariantCulture, $"i{number}");
}
