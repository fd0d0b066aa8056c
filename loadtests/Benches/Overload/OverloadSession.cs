using System.Diagnostics;
using System.Runtime.CompilerServices;
using LoadTests.Engine;
using LoadTests.Http;

namespace LoadTests.Benches.Overload;

/// <summary>
/// A user of some items, 80 % GET and 20 % PUT, who counts refusals apart: they are right answers of a service that has too much to do.
/// </summary>
/// <param name="outcomes">Where they are counted; null: a refusal is a failure.</param>
internal sealed class OverloadSession(HttpConnection connection, IReadOnlyList<int> items, OverloadOutcomes? outcomes, int seed) : ILoadSession
{
    private static readonly GetItem Get = new(ItemSet.Bench);
    private static readonly PutItem Put = new(ItemSet.Bench);

    private readonly Random _random = new(seed);
    private bool _isRefused;

    public static LoadScenario Scenario(string name, Uri server, IReadOnlyList<int> items, OverloadOutcomes? outcomes) => new(name, async (user, cancellation) =>
    {
        var connection = new HttpConnection(server);
        await connection.OpenAsync(cancellation);
        return new OverloadSession(connection, items, outcomes, user);
    });

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    public async ValueTask StepAsync()
    {
        IHttpRequest request = _random.Next(5) == 0 ? Put : Get;
        var item = items[_random.Next(items.Count)];
        var length = request.Write(connection.Request, item);
        var sentAt = Stopwatch.GetTimestamp();
        var answer = await connection.ExchangeAsync(length);
        _isRefused = outcomes is not null && (answer.Status is 503 or 429);
        if (_isRefused)
            outcomes!.Refuse(sentAt, Stopwatch.GetTimestamp());
        else
            request.Check(answer, item);
    }

    public void Answered(long plannedAt, long answeredAt)
    {
        if (!_isRefused)
            outcomes?.Accept(plannedAt, answeredAt);
    }

    public ValueTask DisposeAsync() => connection.DisposeAsync();
}
