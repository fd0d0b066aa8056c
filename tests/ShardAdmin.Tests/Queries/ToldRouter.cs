using System.Net;
using ShardCore.Queries;
using ShardCore.RingStorage;
using TestCluster;

namespace ShardAdmin.Tests.Queries;

/// <summary>
/// The operations port of a router, as far as <c>shardadmin queries</c> asks it, and its entry in the registry. The contract with the real
/// router is <see cref="QueryCostReport"/>.
/// </summary>
internal sealed class ToldRouter : IAsyncDisposable
{
    private readonly HttpListener _listener = new();
    private readonly Func<byte[]?> _answer;
    private readonly Task _answering;

    private ToldRouter(Func<byte[]?> answer)
    {
        (Url, _answer) = ($"http://127.0.0.1:{FreePort.Next()}", answer);
        _listener.Prefixes.Add(Url + "/");
        _listener.Start();
        _answering = AnswerAsync();
    }

    public string Url { get; }

    public static Task<ToldRouter> StartAsync(AdminCluster cluster, string id, params QueryCost[] costs) =>
        StartAsync(cluster, id, new QueryCostReport(id, DateTimeOffset.UtcNow, costs).ToJson);

    /// <param name="answer">The body; null: 404.</param>
    public static async Task<ToldRouter> StartAsync(AdminCluster cluster, string id, Func<byte[]?> answer)
    {
        var router = new ToldRouter(answer);
        await RegisterAsync(cluster, id, router.Url);
        return router;
    }

    public static Task<bool> RegisterAsync(AdminCluster cluster, string id, string operationsUrl) => cluster.InRedisAsync(async (connection, _) =>
    {
        await new RouterRegistry(connection, new RedisKeys(cluster.Name)).WriteAsync(
            new RouterHeartbeat(id, "http://r", operationsUrl, 1, 1, "0.1.0", 0, false, DateTimeOffset.UtcNow), default);
        // Tests take their time; a heartbeat that is not repeated would expire.
        return await connection.CallAsync(database => database.KeyPersistAsync(new RedisKeys(cluster.Name).Router(id)), default);
    });

    public async ValueTask DisposeAsync()
    {
        _listener.Close();
        await _answering;
    }

    private async Task AnswerAsync()
    {
        try
        {
            while (true)
            {
                var context = await _listener.GetContextAsync();
                var body = context.Request.Url!.AbsolutePath == "/admin/v1/queries" ? _answer() : null;
                context.Response.StatusCode = body is null ? 404 : 200;
                context.Response.Close(body ?? [], willBlock: true);
            }
        }
        catch (Exception e) when (e is HttpListenerException or ObjectDisposedException)
        {
            // The test is over.
        }
    }
}
