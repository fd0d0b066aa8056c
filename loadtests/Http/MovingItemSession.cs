using System.Runtime.CompilerServices;
using LoadTests.Engine;

namespace LoadTests.Http;

/// <summary>A user who replaces random items of a list; every write must be answered with 200.</summary>
internal sealed class MovingItemSession(HttpConnection connection, IReadOnlyList<int> items, int seed) : ILoadSession
{
    private readonly Random _random = new(seed);
    private readonly PutItem _put = new(ItemSet.Bench);

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    public async ValueTask StepAsync()
    {
        var item = items[_random.Next(items.Count)];
        var answer = await connection.ExchangeAsync(_put.Write(connection.Request, item));
        _put.Check(answer, item);
    }

    public ValueTask DisposeAsync() => connection.DisposeAsync();
}
