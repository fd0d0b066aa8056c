using TestCluster;

namespace ShardRouter.Tests.BadInput;

[Collection(BadInputTests.Name)]
public sealed class BodySizeTests(BadInputCluster cluster)
{
    private const int Document = 1024 * 1024;
    private const int Batch = 4 * 1024 * 1024;

    private string Item => cluster.Items.AddressOf("p", "x");

    [Theory]
    [InlineData(Document + 1)]
    [InlineData(Batch + 1)]
    [InlineData(9_999_999_999)]
    public Task A_body_that_is_announced_too_large_is_refused_before_it_comes(long length) => RefusedAsync(
        $"PUT {Item} HTTP/1.1\nHost: test\nContent-Type: application/json\nContent-Length: {length}", "{");

    [Theory]
    [InlineData("PUT", Document + 1)]
    [InlineData("PUT", Batch + 5000)]
    public Task A_body_that_grows_too_large_in_chunks_is_refused(string method, int length) => RefusedAsync(
        $"{method} {Item} HTTP/1.1\nHost: test\nContent-Type: application/json\nTransfer-Encoding: chunked", Chunks("{\"a\":\"" + new string('x', length)));

    [Fact]
    public Task A_batch_that_grows_too_large_in_chunks_is_refused() => RefusedAsync(
        $"POST {cluster.Items.Address}:batchWrite HTTP/1.1\nHost: test\nContent-Type: application/json\nTransfer-Encoding: chunked", Chunks("{\"ops\":[" + new string(' ', Batch)));

    [Theory]
    [InlineData(":batchGet")]
    [InlineData(":batchWrite")]
    public Task A_batch_over_4_MiB_is_refused(string verb) => cluster.RefusesAsync(
        () => cluster.Router.Api.PostAsync(cluster.Items.Address + verb, new string(' ', Batch + 1)), 413, "too-large");

    [Fact]
    public async Task A_document_over_1_MiB_inside_a_batch_is_refused_whole()
    {
        var ops = $$"""[{"op":"put","pk":"p","id":"good","doc":{} },{"op":"put","pk":"p","id":"x","doc":{"a":"{{new string('x', Document)}}"} }]""";

        var reply = await cluster.RefusesAsync(() => cluster.Items.BatchWriteAsync($$"""{"ops":{{ops}} }"""), 413, "too-large");

        Assert.Equal("/ops/1/doc", reply.Json.GetProperty("errors")[0].GetProperty("pointer").GetString());
    }

    [Fact]
    public async Task A_good_body_in_chunks_is_taken()
    {
        var reply = await RawConnection.ExchangeAsync(
            cluster.Router.Url, $"PUT {cluster.Items.AddressOf("chunks", "x")} HTTP/1.1\nHost: test\nContent-Type: application/json\nTransfer-Encoding: chunked", Chunks("""{"a":[1,2,3]}""", 3) + "0\r\n\r\n");

        Assert.True(reply.Status is 200 or 201, reply.ToString());
        Assert.Equal(3, (await cluster.Items.GetAsync("chunks", "x")).Json.GetProperty("a").GetArrayLength());
    }

    /// <summary>Without the end: the answer must not wait for it.</summary>
    private static string Chunks(string body, int size = 60_000) =>
        string.Concat(body.Chunk(size).Select(chunk => $"{chunk.Length:x}\r\n{new string(chunk)}\r\n"));

    private Task<ApiReply> RefusedAsync(string head, string body) => cluster.RefusesAsync(
        async () =>
        {
            using var connection = await RawConnection.OpenAsync(cluster.Router.Url);
            await connection.SendAsync(head.ReplaceLineEndings("\r\n") + "\r\n\r\n");
            try
            {
                await connection.SendAsync(body);
            }
            catch (IOException)
            {
                // it was refused while we were still sending
            }
            return await connection.ReadAsync() ?? throw new InvalidOperationException("There was no answer.");
        },
        413, "too-large");
}
