using ShardRouter.Gathering;
using ShardRouter.Keys;
using ShardRouter.Outcomes;

namespace ShardRouter.Tests.Gathering;

public sealed class WaitingOperationsTests
{
    private static readonly ItemKey Key = new("c", "pk", "x");

    private readonly WaitingOperations<ItemKey, int> _waiting = new();

    [Fact]
    public void What_was_put_first_goes_before_all_others_and_in_its_order()
    {
        var (first, second, third, late) = (New(), New(), New(), New());
        _waiting.Enqueue(late);
        _waiting.PutFirst([third]);
        _waiting.PutFirst([first, second]);

        Assert.True(second.TryGiveUp(ShardFailure.Unavailable));

        Assert.Equal(3, _waiting.Count);
        Assert.Equal([first, third, late], [Dequeue(), Dequeue(), Dequeue()]);
        Assert.True(_waiting.IsEmpty);
        Assert.False(_waiting.TryDequeue(out _));
    }

    [Fact]
    public void Nothing_can_be_put_first()
    {
        _waiting.PutFirst([]);

        Assert.True(_waiting.IsEmpty);
        Assert.False(_waiting.HasFirst);
    }

    /// <summary>The circuit opens while requests come and a worker takes them.</summary>
    [Fact]
    public async Task It_can_be_looked_at_while_it_changes()
    {
        using var ends = new CancellationTokenSource(TimeSpan.FromMilliseconds(500));
        var comes = Task.Run(() =>
        {
            while (!ends.IsCancellationRequested)
            {
                _waiting.Enqueue(New());
                _waiting.PutFirst([New(), New()]);
                while (_waiting.Count > 50)
                    Dequeue();
            }
        }, CancellationToken.None);

        while (!ends.IsCancellationRequested)
            Assert.DoesNotContain(null, _waiting.ToArray());

        await comes;
    }

    private static GatheredOperation<ItemKey, int> New() => new(Key, writes: true, "s1", CancellationToken.None);

    private GatheredOperation<ItemKey, int> Dequeue()
    {
        Assert.True(_waiting.TryDequeue(out var operation));
        return operation;
    }
}
