using System.Runtime.CompilerServices;
using LoadTests.Benches;
using LoadTests.Engine;

namespace LoadTests.Http;

/// <summary>A user with one connection who asks for random items.</summary>
/// <param name="seed">The same seed asks for the same items in the same order.</param>
internal sealed class HttpSession(HttpConnection connection, RequestMix mix, int seed) : ILoadSession
{
    private readonly Random _random = new(seed);

    public static LoadScenario Scenario(string name, Uri server, RequestMix mix) => new(name, async (user, cancellation) =>
    {
        var connection = new HttpConnection(server);
        await connection.OpenAsync(cancellation);
        return new HttpSession(connection, mix, user);
    });

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    public async ValueTask StepAsync()
    {
        var item = BenchItems.Random(_random);
        var request = mix.Next(_random);
        var answer = await connection.ExchangeAsync(request.Write(connection.Request, item));
        request.Check(answer, item);
    }

    public ValueTask DisposeAsync() => connection.DisposeAsync();
}
