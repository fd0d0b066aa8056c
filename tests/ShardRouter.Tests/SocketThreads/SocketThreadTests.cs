using System.Globalization;
using System.Net.Sockets;
using System.Text;
using System.Text.RegularExpressions;
using Npgsql;
using ShardCore.Sessions;
using ShardRouter.Tests.Setup;
using TestCluster;

namespace ShardRouter.Tests.SocketThreads;

/// <summary>Requests are handled on the threads that watch the sockets. Whoever waited or stayed there would stop the others.</summary>
public sealed partial class SocketThreadTests(OwnCluster own) : IClassFixture<OwnCluster>
{
    private static readonly TimeSpan Prompt = TimeSpan.FromSeconds(5);

    [Fact]
    public async Task An_answer_of_a_shard_that_comes_in_many_pieces_is_waited_for_without_a_thread()
    {
        const int collections = 5_000; // some hundred kilobytes
        foreach (var shard in own.Cluster.Shards)
            await shard.Database.ExecuteAsync($"""
                alter table sharding.collection disable trigger keep_partition; -- their tables would take minutes, and are not read
                insert into sharding.collection (name) select 'many-' || i from generate_series(1, {collections}) i;
                alter table sharding.collection enable trigger keep_partition
                """);

        var replies = await Task.WhenAll(Enumerable.Range(0, 2 * Environment.ProcessorCount).Select(_ => own.Router.Api.GetAsync("/v1/collections"))).WaitAsync(Prompt);

        Assert.All(replies, reply => Assert.True(reply.Expect(200).Json.GetProperty("collections").GetArrayLength() >= collections, "All collections are listed."));
    }

    [Fact]
    public async Task Clients_that_send_without_a_pause_what_needs_no_shard_leave_the_others_their_threads()
    {
        (await own.Items.PutAsync("p", "x", "{}")).Expect(201);
        using var stop = new CancellationTokenSource();
        var hogs = Enumerable.Range(0, 2 * Environment.ProcessorCount).Select(_ => PipelineAsync(stop.Token)).ToArray();
        try
        {
            for (var i = 0; i < 100; i++)
                (await own.Items.GetAsync("p", "x").WaitAsync(Prompt)).Expect(200);
        }
        finally
        {
            await stop.CancelAsync();
        }
        var answered = (await Task.WhenAll(hogs)).Sum();
        Assert.True(answered > 1_000_000, string.Create(CultureInfo.InvariantCulture, $"Only {answered} bytes were answered: the test shows nothing."));
    }

    /// <summary>Npgsql waits for its own cancellations with a thread: with that of a socket, and with the only one, for seconds.</summary>
    [Fact]
    public async Task Statements_that_are_cancelled_hold_nobody_up()
    {
        await using var router = await own.Cluster.StartRouterAsync(("DOTNET_SYSTEM_NET_SOCKETS_THREAD_COUNT", "1"));
        var items = new ApiCollection(router.Api, own.Items.Name);
        var pk = own.Cluster.PartitionOf("s1", 50);
        (await items.PutAsync(pk, "locked", """{"n":0}""")).Expect(201);
        (await items.PutAsync(pk, "free", "{}")).Expect(201);
        await using var holder = await own.Cluster["s1"].Database.DataSource.OpenConnectionAsync(TestContext.Current.CancellationToken);
        await using var transaction = await holder.BeginTransactionAsync(TestContext.Current.CancellationToken);
        await using (var command = new NpgsqlCommand("select 1 from sharding.item where pk = $1 and id = 'locked' for update", holder) { Parameters = { new NpgsqlParameter<string> { TypedValue = pk } } })
            await command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
        var body = $$"""{"pk":"{{pk}}","ops":[{"op":"increment","collection":"{{items.Name}}","id":"locked","path":"n","by":1}]}""";

        for (var round = 0; round < 10; round++)
        {
            var cancelled = Enumerable.Range(0, 8).Select(i => items.Api.PostAsync("/v1:transact", body, ("Request-Timeout", "0.0" + (i + 1)))).ToArray();
            while (!Array.TrueForAll(cancelled, request => request.IsCompleted))
                (await items.GetAsync(pk, "free").WaitAsync(TimeSpan.FromSeconds(2))).Expect(200);
            Assert.All(await Task.WhenAll(cancelled), reply => reply.ExpectProblem(504, "deadline-exceeded"));
        }
        await transaction.RollbackAsync(TestContext.Current.CancellationToken);
        JsonAssert.Equal("""{"n":0}""", (await items.GetAsync(pk, "locked")).Text);
    }

    /// <summary>ExecuteScalar and Dapper read rows as they come: see <c>WholeRows</c>.</summary>
    [Fact]
    public void Nothing_in_the_router_names_a_call_that_waits_on_its_thread()
    {
        var sources = Directory.EnumerateFiles(Path.Combine(Checkout.Root, "src", "ShardRouter"), "*.cs", SearchOption.AllDirectories)
            .Concat(Directory.EnumerateFiles(Path.Combine(Checkout.Root, "src", "ShardCore", "Collections"), "*.cs"))
            .Concat(Directory.EnumerateFiles(Path.Combine(Checkout.Root, "src", "ShardCore", "RingStorage"), "*.cs"))
            .Where(file => !file.Contains($"{Path.DirectorySeparatorChar}obj{Path.DirectorySeparatorChar}", StringComparison.Ordinal)).ToArray();
        Assert.True(sources.Length > 50, "The sources were not found.");

        Assert.Empty(sources.SelectMany(file => File.ReadLines(file).Where(line => Waiting().IsMatch(line)).Select(line => $"{file}: {line.Trim()}")));
    }

    [GeneratedRegex(@"^using Dapper|\.ExecuteScalar|[cC]ommand\.Cancel\(|SequentialAccess|GetAwaiter\(\)|\.Wait\((?!0,)|\.Result\b|\.(BeginTransaction|Commit|Rollback|Prepare|ExecuteReader|ExecuteNonQuery)\(\)", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex Waiting();

    /// <returns>Bytes of answers.</returns>
    private async Task<long> PipelineAsync(CancellationToken cancellation)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(own.Router.Url.Host, own.Router.Url.Port, CancellationToken.None);
        var stream = client.GetStream();
        var many = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat("GET /nothing HTTP/1.1\r\nHost: test\r\n\r\n", 2_000)));
        var (answer, answered) = (new byte[256 * 1024], 0L);
        var sending = Task.Run(
            async () =>
            {
                while (true)
                    await stream.WriteAsync(many, cancellation);
            },
            CancellationToken.None);
        try
        {
            while (await stream.ReadAsync(answer, cancellation) is var read and > 0)
                answered += read;
        }
        catch (OperationCanceledException)
        {
            // it was to go on until now
        }
        await Assert.ThrowsAnyAsync<Exception>(() => sending);
        return answered;
    }
}
