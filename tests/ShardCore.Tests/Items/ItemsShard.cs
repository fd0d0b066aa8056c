using ShardCore.Tests.Fence;
using TestCluster;

namespace ShardCore.Tests.Items;

/// <summary>One shard for the tests of a class, which run one after another: made as new before each.</summary>
public sealed class ItemsShard(SharedPostgres postgres) : IAsyncDisposable
{
    private ShardUnderTest? _shard;

    internal async Task<ShardUnderTest> AsNewAsync()
    {
        _shard ??= await ShardUnderTest.CreateAsync(postgres);
        await _shard.Database.ExecuteAsync($"""
            truncate sharding.item;
            delete from sharding.collection;
            insert into sharding.collection (name) values ('{ShardUnderTest.Collection}');
            update sharding.slot_ownership set state = 'owned', epoch = 1, peer = null, version_floor = 0
            where state <> 'owned' or epoch <> 1 or peer is not null or version_floor <> 0;
            insert into sharding.slot_ownership (slot, state, epoch)
            select slot, 'owned', 1 from generate_series(0, 16383) slot where slot not in (select o.slot from sharding.slot_ownership o);
            """);
        return _shard;
    }

    public async ValueTask DisposeAsync()
    {
        if (_shard is not null)
            await _shard.DisposeAsync();
    }
}
