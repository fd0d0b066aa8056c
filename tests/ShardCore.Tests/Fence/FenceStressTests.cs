using System.Collections.Concurrent;
using System.Diagnostics;
using Npgsql;
using ShardCore.Ring;
using TestCluster;

namespace ShardCore.Tests.Fence;

/// <summary>Many writers against freezes that come and go: no step is arranged, so this finds what nobody thought of.</summary>
public sealed class FenceStressTests(SharedPostgres postgres)
{
    private const int Writers = 8;
    private const int RefusalsAwaited = 2 * Writers; // every writer has probably met the frozen slot
    private static readonly TimeSpan Duration = TimeSpan.FromSeconds(4);
    private static readonly TimeSpan RefusalLimit = TimeSpan.FromSeconds(20);

    private static readonly string[] Keys = ["a", "b", "c", "d"];

    [Fact]
    public async Task No_write_lands_in_a_slot_after_its_freeze_or_release_committed()
    {
        await using var shard = await ShardUnderTest.CreateAsync(postgres);
        var tally = new Tally();
        using var stop = new CancellationTokenSource();
        var writers = Enumerable.Range(0, Writers).Select(number => Task.Run(() => WriteUntilStopped(shard, tally, number, stop.Token))).ToArray();

        var clock = Stopwatch.StartNew();
        var cycles = 0;
        for (; clock.Elapsed < Duration || cycles < Keys.Length * 2; cycles++)
            await FreezeAndCompare(shard, tally, Keys[cycles % Keys.Length], epoch: cycles + 2, release: cycles % 2 == 1);
        await stop.CancelAsync();
        await Task.WhenAll(writers);

        Assert.False(tally.Acknowledged.IsEmpty);
        await AssertNothingAcknowledgedIsLost(shard, tally);
    }

    /// <summary>Freezes the key's slot, compares its rows at the commit with those after many refused writes, and gives it back.</summary>
    private static async Task FreezeAndCompare(ShardUnderTest shard, Tally tally, string key, int epoch, bool release)
    {
        var slot = (short)SlotHash.Of(key).Value;
        await using (var freezer = await shard.BeginAsync())
        {
            await freezer.FreezeAsync(slot, release ? "released" : "frozen", epoch: epoch);
            await freezer.CommitAsync();
        }
        var atFreeze = await Fingerprint(shard, slot);
        var seen = tally.Refused[key];
        await Eventually.ThatAsync(() => tally.Refused[key] >= seen + RefusalsAwaited, RefusalLimit, $"writers were refused at the frozen slot of '{key}'");

        Assert.Equal(atFreeze, await Fingerprint(shard, slot));

        await shard.Database.ExecuteAsync($"update sharding.slot_ownership set state = 'owned', peer = null where slot = {slot}");
        var written = tally.Written[key];
        await Eventually.ThatAsync(() => tally.Written[key] > written, RefusalLimit, $"the slot of '{key}' takes writes again");
    }

    private static Task<string?> Fingerprint(ShardUnderTest shard, short slot) => shard.Database.ScalarAsync<string>(
        $"select concat_ws(' ', count(*), sum(version), max(updated_at)) from sharding.item where slot = {slot}");

    private static async Task WriteUntilStopped(ShardUnderTest shard, Tally tally, int writer, CancellationToken stop)
    {
        var random = new Random(writer);
        await using var connection = await shard.Database.DataSource.OpenConnectionAsync(CancellationToken.None);
        while (!stop.IsCancellationRequested)
        {
            ShardOperation[] operations = [.. Enumerable.Range(0, random.Next(1, 6)).Select(_ =>
                ShardOperation.Put(random.Next(20).ToString(System.Globalization.CultureInfo.InvariantCulture)) with { Pk = Keys[random.Next(Keys.Length)] })];
            try
            {
                var answers = await ShardUnderTest.WriteAsync(connection, atomic: random.Next(3) == 0, operations);
                foreach (var answer in answers)
                    tally.Add(operations[answer.Ord - 1], answer);
            }
            catch (PostgresException e) when (e.SqlState == "SH003") // an atomic batch that met a frozen slot
            {
            }
        }
    }

    private static async Task AssertNothingAcknowledgedIsLost(ShardUnderTest shard, Tally tally)
    {
        foreach (var ((pk, id), version) in tally.Acknowledged)
            Assert.Equal(version, (await shard.ReadAsync(id, pk)).Version); // the highest acknowledged is what stands there
    }

    private sealed class Tally
    {
        public ConcurrentDictionary<string, int> Refused { get; } = new(Keys.ToDictionary(key => key, _ => 0));

        public ConcurrentDictionary<string, int> Written { get; } = new(Keys.ToDictionary(key => key, _ => 0));

        public ConcurrentDictionary<(string Pk, string Id), long> Acknowledged { get; } = new();

        public void Add(ShardOperation operation, ShardAnswer answer)
        {
            if (answer.Outcome is "moving" or "not_owned")
            {
                Refused.AddOrUpdate(operation.Pk, 1, (_, count) => count + 1);
                return;
            }
            Assert.True(answer.Outcome is "created" or "replaced", answer.Outcome);
            Written.AddOrUpdate(operation.Pk, 1, (_, count) => count + 1);
            Acknowledged.AddOrUpdate((operation.Pk, operation.Id), answer.Version!.Value, (_, version) => Math.Max(version, answer.Version.Value));
        }
    }
}
