using System.Runtime.CompilerServices;
using LoadTests.Engine;

namespace LoadTests.Http;

/// <summary>A user with one connection who asks for random items.</summary>
/// <param name="seed">The same seed asks for the same items in the same order.</param>
/// <param name="requestsPerConnection">After this number of requests the session closes its connection and opens another one.</param>
internal sealed class HttpSession(HttpConnection connection, RequestMix mix, int seed, int requestsPerConnection = int.MaxValue) : ILoadSession
{
    private readonly Random _random = new(seed);
    private int _requests;

    /// <param name="requestBytes">The size of the largest request in the mix.</param>
    public static LoadScenario Scenario(
        string name, Uri server, RequestMix mix, int requestBytes = HttpConnection.SmallRequest, int requestsPerConnection = int.MaxValue) =>
        new(name, async (user, cancellation) =>
        {
            var connection = new HttpConnection(server, requestBytes);
            await connection.OpenAsync(cancellation);
            return new HttpSession(connection, mix, user, requestsPerConnection);
        });

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    public async ValueTask StepAsync()
    {
        var request = mix.Next(_random);
        var item = request.Choose(_random);
        var answer = await connection.ExchangeAsync(request.Write(connection.Request, item));
        if (++_requests % requestsPerConnection == 0)
            connection.Close();
        request.Check(answer, item);
    }

    public ValueTask DisposeAsync() => connection.DisposeAsync();
}
