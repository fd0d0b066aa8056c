using System.Text;
using System.Text.Json;
using LoadTests.Benches;
using LoadTests.Http;
using Workbench;

namespace LoadTests.Cluster;

/// <summary>Makes an index in all shards with the real shardadmin, because a bench's cluster has no agent that would build it.</summary>
internal static class IndexBuild
{
    /// <returns>The time from the start of shardadmin to its end.</returns>
    /// <exception cref="WrongAnswerException">It failed, or the API does not say afterwards that the index is ready.</exception>
    public static async Task<TimeSpan> RunAsync(ClusterStatus cluster, string collection, ItemIndex index, CancellationToken cancellation)
    {
        var run = await AdminRun.RunAsync(cluster, index.Arguments(collection), cancellation);
        await RequireReadyAsync(cluster.Routers[0].Url, collection, index, cancellation);
        return run.Time;
    }

    /// <exception cref="WrongAnswerException">It is not.</exception>
    public static async Task RequireReadyAsync(Uri router, string collection, ItemIndex index, CancellationToken cancellation)
    {
        await using var connection = new HttpConnection(router);
        await connection.OpenAsync(cancellation);
        var length = Encoding.ASCII.GetBytes(
            $"GET /v1/collections/{collection}/indexes/{index.Name} HTTP/1.1\r\nHost: bench\r\n\r\n", connection.Request);
        var answer = await connection.ExchangeAsync(length);
        if (answer.Status != 200 || StateOf(answer.Body) != "ready")
            throw RequestText.Wrong($"GET of the index {index.Name}", answer);
    }

    private static string? StateOf(ReadOnlyMemory<byte> answer)
    {
        using var parsed = JsonDocument.Parse(answer);
        return parsed.RootElement.GetProperty("state").GetString();
    }
}
