using ShardRouter.Gathering;
using ShardRouter.Keys;
using ShardRouter.Outcomes;
using ShardRouter.Shards;

namespace ShardRouter.Tests.Gathering;

public sealed class AloneKeysTests
{
    private static readonly ItemKey Key = new("c", "pk", "x");
    private static readonly ItemKey Other = new("c", "pk", "y");

    private readonly AloneKeys<ItemKey, int> _keys;
    private int _woken;

    public AloneKeysTests() => _keys = new(key => key, () => _woken++);

    [Fact]
    public void What_has_joined_comes_back_in_its_order_once_the_earlier_ones_are_done()
    {
        var joined = Enumerable.Range(0, 3).Select(_ => New(Key)).ToArray();
        _keys.Begin(Key, [New(Key)]);

        Assert.All(joined, operation => Assert.True(_keys.TryJoin(operation)));
        Assert.False(_keys.TryJoin(New(Other)));
        Assert.False(_keys.TryTakeBack(out _));
        _keys.End(Key);

        Assert.Equal(1, _woken);
        Assert.Equal(3, _keys.Joined);
        Assert.Same(joined[0], TakeBack());
        var late = New(Key); // the worker has not met the others yet
        Assert.True(_keys.TryJoin(late));
        Assert.Equal([joined[1], joined[2], late], [TakeBack(), TakeBack(), TakeBack()]);
        Assert.False(_keys.HasEnded);
        Assert.False(_keys.TryJoin(New(Key)));
    }

    [Fact]
    public void What_a_full_statement_left_waits_once_more_when_that_was_rolled_back_too()
    {
        var (first, second, other) = (New(Key), New(Key), New(Other));
        _keys.Begin(Key, [New(Key)]);
        _keys.Begin(Other, [New(Other)]);
        _keys.TryJoin(first);
        _keys.TryJoin(second);
        _keys.TryJoin(other);
        _keys.End(Key);
        _keys.End(Other);

        Assert.Same(first, TakeBack()); // full
        _keys.Begin(Key, [first]);

        Assert.Same(other, TakeBack());
        Assert.False(_keys.TryTakeBack(out _));
        Assert.False(_keys.HasEnded);
        _keys.End(Key);
        Assert.Same(second, TakeBack());
        Assert.False(_keys.TryJoin(New(Key)));
    }

    [Fact]
    public void A_key_that_nothing_has_joined_leaves_without_waking_anybody()
    {
        _keys.Begin(Key, [New(Key)]);
        _keys.End(Key);

        Assert.Equal(0, _woken);
        Assert.False(_keys.TryJoin(New(Key)));
    }

    [Fact]
    public async Task Everything_that_is_not_under_way_can_be_failed()
    {
        var (underWay, second, joined) = (New(Key), New(Key), New(Key));
        _keys.Begin(Key, [underWay, second]);
        Assert.True(underWay.TryTakeAlone());
        _keys.TryJoin(joined);

        _keys.FailWaiting(ShardFailure.Unavailable);

        Assert.False(underWay.IsAnswered);
        Assert.Equal(ShardFailure.Unavailable, await FailureOf(second));
        Assert.Equal(ShardFailure.Unavailable, await FailureOf(joined));
        Assert.False(second.TryTakeAlone());
        Assert.False(joined.TryTake());
    }

    [Fact]
    public async Task More_than_the_bound_are_turned_away_and_those_whose_time_is_over_do_not_count()
    {
        using var deadline = new CancellationTokenSource();
        var brief = New(Key, deadline.Token);
        _keys.Begin(Key, [New(Key)]);
        _keys.TryJoin(brief);
        for (var i = 1; i < AloneKeys<ItemKey, int>.MaxJoined; i++)
            _keys.TryJoin(New(Key));
        var tooMany = New(Key);
        Assert.True(_keys.TryJoin(tooMany));
        await deadline.CancelAsync();
        brief.Expire();
        var inItsPlace = New(Key);
        _keys.TryJoin(inItsPlace);

        Assert.Equal(ShardFailure.Overloaded, await FailureOf(tooMany));
        Assert.Equal(ShardFailure.DeadlineExceeded, await FailureOf(brief)); // certain not to have been sent
        Assert.False(inItsPlace.IsAnswered);
        Assert.Equal(AloneKeys<ItemKey, int>.MaxJoined, _keys.Joined);
    }

    private static GatheredOperation<ItemKey, int> New(ItemKey key, CancellationToken deadline = default) => new(key, writes: true, "s1", deadline);

    private GatheredOperation<ItemKey, int> TakeBack()
    {
        Assert.True(_keys.TryTakeBack(out var operation));
        return operation;
    }

    private static async Task<ShardFailure> FailureOf(GatheredOperation<ItemKey, int> operation)
    {
        Assert.True(operation.IsAnswered);
        return (await Assert.ThrowsAsync<ShardCallException>(async () => await operation.Answer)).Failure;
    }
}
