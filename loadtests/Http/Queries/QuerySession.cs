using System.Runtime.CompilerServices;
using LoadTests.Engine;

namespace LoadTests.Http.Queries;

/// <summary>A user who sends random ones of some queries.</summary>
/// <param name="seed">The same seed sends the same queries in the same order.</param>
internal sealed class QuerySession(HttpConnection connection, IReadOnlyList<QueryRequest> queries, int seed) : ILoadSession
{
    private readonly Random _random = new(seed);

    public static LoadScenario Scenario(string name, Uri server, params IReadOnlyList<QueryRequest> queries) =>
        Scenario(name, server, _ => Task.FromResult(queries));

    /// <param name="prepare">
    /// Makes the queries for all users, when the first of them comes. If several come at once, each may make them.
    /// </param>
    public static LoadScenario Scenario(string name, Uri server, Func<CancellationToken, Task<IReadOnlyList<QueryRequest>>> prepare)
    {
        IReadOnlyList<QueryRequest>? prepared = null;
        return new LoadScenario(name, async (user, cancellation) =>
        {
            var queries = prepared ??= await prepare(cancellation);
            var connection = new HttpConnection(server, RankedQueries.RequestBytes);
            await connection.OpenAsync(cancellation);
            return new QuerySession(connection, queries, user);
        });
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    public async ValueTask StepAsync()
    {
        var query = queries[_random.Next(queries.Count)];
        query.Bytes.CopyTo(connection.Request, 0);
        query.Check(await connection.ExchangeAsync(query.Bytes.Length));
    }

    public ValueTask DisposeAsync() => connection.DisposeAsync();
}
