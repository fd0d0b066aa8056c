using System.Globalization;
using System.Text.Json;
using Chaos.Checkers;
using Chaos.Recording;

namespace Chaos.Workloads;

/// <summary>
/// Items that are inserted once and deleted. Some have a time to live, and some are inserted in batches. For <see cref="SetChecker"/>.
/// </summary>
internal sealed class SetPartition(string key, PartitionRecorder recorder, ItemCalls calls, Neighbours<SetPartition> neighbours) : IWorkloadPartition
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
        var id = IdOf(random.Next(items) + 1);
        if (items == 0 || (choice < 0.18 && items < MaxItems))
            await InsertAsync(random);
        else if (choice < 0.22 && items < MaxItems)
            await InsertManyAsync(random);
        else if (choice < 0.40)
            await calls.DeleteAsync(random, id, WrittenValue.Of(key, id));
        else if (choice < 0.80)
            await calls.ReadAsync(random, new ItemView(id, WrittenValue.Of(key, id), document => document.GetProperty("in").GetString()!, null));
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
        var (_, insert) = NewInsert(random);
        await calls.WriteAsync(random, OperationKind.Create, insert.Id, insert.Item, insert.Item, insert.Document, ttlSeconds: insert.TtlSeconds);
    }

    /// <summary>Inserts some items here, and one item in each of two other partitions, which may be on other shards.</summary>
    private Task InsertManyAsync(Random random) => BatchCalls.InsertAsync(random,
    [
        .. Enumerable.Range(0, random.Next(1, 4)).Select(_ => NewInsert(random)),
        .. neighbours.Others(random, this, 2).Select(other => other.NewInsert(random)),
    ]);

    private (ItemCalls Calls, ItemInsert Insert) NewInsert(Random random)
    {
        var id = IdOf(Interlocked.Increment(ref _items));
        var item = WrittenValue.Of(key, id);
        int? ttlSeconds = random.NextDouble() < 0.3 ? random.Next(2, 8) : null;
        return (calls, new ItemInsert(id, item, JsonSerializer.Serialize(new { @in = item }), ttlSeconds));
    }

    private Task<bool> ScanAsync(Random random) => calls.ScanAsync(random, OperationKind.Read, ListedItem.Owner("in"));

    private static string IdOf(int number) => string.Create(CultureInfo.InvariantCulture, $"i{number}");
}
