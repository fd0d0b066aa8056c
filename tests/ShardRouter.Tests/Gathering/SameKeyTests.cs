using System.Globalization;
using ShardCore.Ring;
using ShardCore.Sessions;
using ShardRouter.Tests.Setup;
using TestCluster;

namespace ShardRouter.Tests.Gathering;

/// <summary>Many clients on the same few items: whatever is sent together, one after the other, or again, each item must have had one order of changes.</summary>
public sealed class SameKeyTests(OwnCluster own, ITestOutputHelper output) : IClassFixture<OwnCluster>
{
    private const int Clients = 64;
    private const int Operations = 14;

    [Theory]
    [InlineData(1, 15, Traits = ["Category", "Long"])]
    [InlineData(2, 15, Traits = ["Category", "Long"])]
    [InlineData(3, 75)]
    [InlineData(null, 30)]
    public async Task One_order_of_changes_explains_every_answer(int? fixedSeed, int puts)
    {
        var seed = fixedSeed ?? Random.Shared.Next(1000, 1_000_000);
        output.WriteLine($"Seed {seed}.");
        var partitions = Partitions(50 + ((fixedSeed ?? 4) * 10));
        (string Pk, string Id)[] keys = [.. Enumerable.Range(0, 5).Select(i => (partitions[i % partitions.Length], string.Create(CultureInfo.InvariantCulture, $"k{seed}-{i}")))];
        var clients = new KeyClients(own.Items, keys, seed, puts);
        var (statements, operations) = await GatheredAsync();

        using var stop = new CancellationTokenSource();
        var troubles = Task.WhenAll(FreezeUntilAsync(partitions[0], stop.Token), HoldRowsUntilAsync(partitions[1], keys[1].Id, stop.Token));
        await clients.RunAsync(Clients, Operations);
        await stop.CancelAsync();
        await troubles;
        await clients.ReadAllAsync();

        var (statementsAfter, operationsAfter) = await GatheredAsync();
        Assert.True(operationsAfter - operations > statementsAfter - statements, "Nothing was gathered: the test shows nothing.");
        foreach (var exchanges in clients.Exchanges())
            KeyHistory.Check(exchanges);
    }

    /// <summary>Three on one shard, in slots of both parities: each has another lane.</summary>
    private string[] Partitions(int number)
    {
        var pks = Enumerable.Range(number, 10).Select(i => own.Cluster.PartitionOf("s1", i)).ToLookup(pk => SlotHash.Of(pk).Value % 2);
        return [pks[0].First(), pks[1].First(), pks[0].ElementAt(1)];
    }

    /// <summary>Again and again writes to the slot are refused and held for a moment.</summary>
    private async Task FreezeUntilAsync(string pk, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            var move = new HandOver(own.Cluster, pk, "s2");
            await move.FreezeAsync();
            await Task.Delay(TimeSpan.FromMilliseconds(20), CancellationToken.None);
            await move.ThawAsync();
            await Task.Delay(TimeSpan.FromMilliseconds(100), CancellationToken.None);
        }
    }

    /// <summary>Again and again a row is held for longer than a statement waits, so that its operations are carried out alone.</summary>
    private async Task HoldRowsUntilAsync(string pk, string id, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            await using (await HeldRow.TakeAsync(own.Cluster["s1"], own.Items, pk, id, mayBeMissing: true))
                await Task.Delay(TimeSpan.FromMilliseconds(60), CancellationToken.None);
            await Task.Delay(TimeSpan.FromMilliseconds(60), CancellationToken.None);
        }
    }

    private async Task<(double Statements, double Operations)> GatheredAsync() =>
        (await own.Router.MetricAsync("sharding_gather_size_count"), await own.Router.MetricAsync("sharding_gather_size_sum"));
}
