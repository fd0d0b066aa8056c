using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using ShardRouter.Tests.Faults;
using TestCluster;

namespace ShardRouter.Tests.Payload;

/// <summary>Whatever clients send, ask for, and do not read: a router's memory stays bounded, and it answers others meanwhile.</summary>
[Collection(FaultTests.Name)]
public sealed class MemoryTests(ShardFaultCluster own, ITestOutputHelper output) : IClassFixture<ShardFaultCluster>, IAsyncLifetime
{
    private const int MostMegabytes = 400;
    private const int MostAtOnce = 512; // clients that send at once: 4,096 of them took the processors for seconds, also from the router
    private static readonly string Megabyte = $$"""{"t":"{{new string('x', 1_040_000)}}"}""";

    private RouterProcess _router = null!;
    private ApiCollection _items = null!;
    private string _pk = null!;

    public async ValueTask InitializeAsync()
    {
        _router = await own.Cluster.StartRouterAsync(("SHARDING_POOL_SIZE", "32")); // whose peak is of one test only
        _items = new ApiCollection(_router.Api, own.Items.Name);
        _pk = own.Cluster.PartitionOf("s1", 17);
        for (var i = 0; i < 8; i++)
            await PutAsync(_pk, $"l{i}", Megabyte);
        await PutAsync(_pk, "small", "{}");
    }

    [Fact]
    public async Task A_hundred_slow_readers_of_large_pages()
    {
        var clients = await Task.WhenAll(Enumerable.Range(0, 100).Select(_ => SendAsync($"GET {_items.AddressOf(_pk)} HTTP/1.1\r\nHost: x\r\nRequest-Timeout: 30\r\n\r\n")));
        var reading = Task.WhenAll(clients.Select(ReadSlowlyAsync));

        await OthersAreAnsweredAsync(TimeSpan.FromSeconds(8));
        foreach (var client in clients)
            client.Dispose();
        await reading;

        await BoundedAsync();
    }

    [Fact]
    public async Task A_hundred_batches_of_a_hundred_large_documents()
    {
        var keys = string.Join(',', Enumerable.Range(0, 100).Select(i => $$"""{"pk":"{{_pk}}","id":"l{{i % 8}}"}"""));
        var batches = Enumerable.Range(0, 100).Select(_ => _items.BatchGetAsync($$"""{"keys":[{{keys}}]}""")).ToArray();
        await OthersAreAnsweredAsync(TimeSpan.FromSeconds(3));
        var replies = await Task.WhenAll(batches);

        Assert.All(replies, reply => Assert.True(reply.Status is 207 or 503 or 504, reply.Status.ToString(CultureInfo.InvariantCulture)));
        var statuses = replies.Where(reply => reply.Status == 207).SelectMany(reply => reply.Json.GetProperty("results").EnumerateArray().Select(each => each.GetProperty("status").GetInt32())).ToList();
        Assert.Subset(new HashSet<int> { 200, 413, 503, 504 }, statuses.ToHashSet());
        Assert.Contains(200, statuses);
        Assert.All(replies, reply => Assert.True(reply.Text.Length < 17.5 * 1024 * 1024));
        await BoundedAsync();
    }

    [Fact]
    public async Task A_batch_answers_what_fits_and_tells_what_does_not()
    {
        var keys = string.Join(',', Enumerable.Range(0, 99).Select(i => $$"""{"pk":"{{_pk}}","id":"l{{i % 8}}"}""").Append($$"""{"pk":"{{_pk}}","id":"none"}"""));

        var results = (await _items.BatchGetAsync($$"""{"keys":[{{keys}}]}""")).Expect(207).Json.GetProperty("results").EnumerateArray().ToList();

        var statuses = results.Select(each => each.GetProperty("status").GetInt32()).ToList();
        Assert.Equal(16, statuses.Count(status => status == 200));
        Assert.All(statuses.Where(status => status != 200), status => Assert.True(status is 413 or 404));
        Assert.All(results.Where(each => each.GetProperty("status").GetInt32() == 413), each => Assert.True(each.GetProperty("error").GetProperty("retryable").GetBoolean()));
        Assert.Equal("l0", results[0].GetProperty("id").GetString());
    }

    [Fact]
    public async Task Thousands_of_large_writes_that_wait_for_a_shard_that_hangs()
    {
        var hung = own.Cluster.PartitionOf("s3", 17);
        await PutAsync(hung, "x", "{}");
        await own.ServerOf("s3").PauseAsync();
        var request = Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"PUT {_items.AddressOf(hung)}/x HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {Megabyte.Length}\r\n\r\n{Megabyte}"));
        using var atOnce = new SemaphoreSlim(MostAtOnce);
        var writes = Enumerable.Range(0, 4096).Select(_ => StatusAsync(request, atOnce)).ToArray();
        await OthersAreAnsweredAsync(TimeSpan.FromSeconds(6));
        await own.ServerOf("s3").ResumeAsync();
        var statuses = await Task.WhenAll(writes);
        await own.RecoversAsync("s3");

        output.WriteLine(string.Join(", ", statuses.GroupBy(status => status).Select(same => $"{same.Count()} × {same.Key}")));
        Assert.All(statuses, status => Assert.True(status is "200" or "201" or "503" or "504" or "cut", status));
        Assert.Contains("503", statuses);
        await BoundedAsync();
    }

    /// <summary>Nearly always, as the clients of these tests take the processors that router and shards need.</summary>
    private async Task OthersAreAnsweredAsync(TimeSpan duration)
    {
        var replies = new List<ApiReply>();
        for (var until = DateTime.UtcNow + duration; DateTime.UtcNow < until;)
        {
            replies.Add(await _items.GetAsync(_pk, "small"));
            replies.Add(await _items.PutAsync(own.Cluster.PartitionOf("s2", 3), "small", "{}"));
        }
        var answered = replies.Count(reply => reply.Status is 200 or 201);
        output.WriteLine($"{answered} of {replies.Count} other requests were answered");
        Assert.True(answered > replies.Count / 2, $"{answered} of {replies.Count} {_router.Output}");
    }

    private async Task PutAsync(string pk, string id, string doc)
    {
        var reply = await _items.PutAsync(pk, id, doc);
        Assert.True(reply.Status is 200 or 201, $"{reply} {_router.Output}");
    }

    private async Task BoundedAsync()
    {
        var status = await File.ReadAllLinesAsync($"/proc/{_router.ProcessId}/status");
        var peak = int.Parse(status.Single(line => line.StartsWith("VmHWM:", StringComparison.Ordinal))[6..].Trim().Split(' ')[0], CultureInfo.InvariantCulture) / 1024;
        output.WriteLine($"peak {peak} MB");
        Assert.InRange(peak, 1, MostMegabytes);
        await Eventually.ThatAsync(async () => await _router.MetricAsync("sharding_payload_held_bytes") == 0, TimeSpan.FromSeconds(20), "nothing is held any more");
    }

    private async Task<Socket> SendAsync(string request)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { ReceiveBufferSize = 4096 };
        await socket.ConnectAsync(IPAddress.Loopback, _router.Port);
        await socket.SendAsync(Encoding.ASCII.GetBytes(request));
        return socket;
    }

    private static async Task ReadSlowlyAsync(Socket socket)
    {
        try
        {
            for (var buffer = new byte[60]; await socket.ReceiveAsync(buffer) > 0;)
                await Task.Delay(100);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // cut off
        }
    }

    private async Task<string> StatusAsync(byte[] request, SemaphoreSlim atOnce)
    {
        await atOnce.WaitAsync();
        try
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            await socket.ConnectAsync(IPAddress.Loopback, _router.Port);
            var sending = SendAllAsync(socket, request);
            var head = new byte[12];
            var read = await socket.ReceiveAsync(head);
            return read == 12 ? Encoding.ASCII.GetString(head, 9, 3) : "cut";
        }
        catch (SocketException)
        {
            return "cut";
        }
        finally
        {
            atOnce.Release();
        }
    }

    private static async Task SendAllAsync(Socket socket, byte[] request)
    {
        try
        {
            for (var sent = 0; sent < request.Length;)
                sent += await socket.SendAsync(request.AsMemory(sent));
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The router has answered without the body.
        }
    }

    public async ValueTask DisposeAsync() => await _router.DisposeAsync();
}
