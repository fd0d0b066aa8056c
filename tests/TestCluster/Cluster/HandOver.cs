using ShardCore.Ring;

namespace TestCluster;

/// <summary>
/// A slot's way from one shard to another in plain SQL, without mover, journal and streaming: the states that a router
/// meets, one at a time, for as long as a test likes. The order is that of 1-architecture.md: importing, frozen, rows,
/// released, owned; the ring is published separately.
/// </summary>
public sealed class HandOver(SeededCluster cluster, string partitionKey, string target)
{
    private const int LockClass = 1397246027; // of sharding.write_items

    private readonly Slot _slot = SlotHash.Of(partitionKey);
    private long _epoch;

    /// <summary>Who has the slot by what the shards say.</summary>
    public string Source { get; private set; } = "";

    public string Target => target;

    public IEnumerable<Slot> Slots => [_slot];

    /// <summary>All steps but the ring, one after the other without a pause.</summary>
    public static async Task<HandOver> RunAsync(SeededCluster cluster, string partitionKey, string target)
    {
        var move = new HandOver(cluster, partitionKey, target);
        await move.FreezeAsync();
        await move.FinishAsync();
        return move;
    }

    /// <summary>importing at the target, frozen at the source; waits for writers that are inside.</summary>
    public async Task FreezeAsync()
    {
        foreach (var shard in cluster.Shards)
            if (await shard.Database.ScalarAsync<string>($"select state from sharding.slot_ownership where slot = {_slot} and state in ('owned', 'frozen')") is not null)
                Source = shard.Id;
        _epoch = await NextEpochAsync();
        await cluster[target].Database.ExecuteAsync(
            $"""
            insert into sharding.slot_ownership (slot, state, epoch, peer) values ({_slot}, 'importing', {_epoch} - 1, '{Source}')
            on conflict (slot) do update set state = 'importing', epoch = excluded.epoch, peer = excluded.peer
            """);
        await cluster[Source].Database.ExecuteAsync(
            $"begin; select pg_advisory_xact_lock({LockClass}, {_slot}); update sharding.slot_ownership set state = 'frozen' where slot = {_slot}; commit");
    }

    /// <summary>Gives the freeze up.</summary>
    public async Task ThawAsync()
    {
        await cluster[Source].Database.ExecuteAsync($"update sharding.slot_ownership set state = 'owned' where slot = {_slot} and state = 'frozen'");
        await cluster[target].Database.ExecuteAsync($"delete from sharding.slot_ownership where slot = {_slot} and state = 'importing'");
    }

    /// <summary>The rows, then released, then owned.</summary>
    public async Task FinishAsync()
    {
        await ReleaseAsync();
        await OwnAsync();
    }

    /// <summary>The rows, then frozen → released: nobody serves the slot until <see cref="OwnAsync"/>.</summary>
    public async Task ReleaseAsync()
    {
        var rows = await cluster[Source].Database.ScalarAsync<string>($"select coalesce(json_agg(i), '[]')::text from sharding.item i where slot = {_slot}");
        await cluster[target].Database.ExecuteAsync($"delete from sharding.item where slot = {_slot}");
        await using (var insert = cluster[target].Database.DataSource.CreateCommand("insert into sharding.item select * from json_populate_recordset(null::sharding.item, $1::json)"))
        {
            insert.Parameters.Add(new Npgsql.NpgsqlParameter<string> { TypedValue = rows! });
            await insert.ExecuteNonQueryAsync();
        }
        await cluster[Source].Database.ExecuteAsync($"update sharding.slot_ownership set state = 'released', peer = '{target}', epoch = {_epoch} where slot = {_slot}");
    }

    public Task OwnAsync() => cluster[target].Database.ExecuteAsync(
        $"update sharding.slot_ownership set state = 'owned', peer = null, epoch = {_epoch}, version_floor = (select coalesce(max(version), 0) from sharding.item where slot = {_slot}) where slot = {_slot}");

    public Task PublishAsync() => cluster.PublishNextAsync(Slots, target);

    /// <summary>One more than any shard has seen of this slot.</summary>
    private async Task<long> NextEpochAsync()
    {
        var latest = cluster.Ring.Epoch.Value;
        foreach (var shard in cluster.Shards)
            latest = Math.Max(latest, await shard.Database.ScalarAsync<long>($"select epoch from sharding.slot_ownership where slot = {_slot}"));
        return latest + 1;
    }
}
