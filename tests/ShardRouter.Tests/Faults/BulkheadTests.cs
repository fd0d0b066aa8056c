using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using TestCluster;

namespace ShardRouter.Tests.Faults;

/// <summary>
/// While one shard hangs and many clients ask it, the others answer in every second. Once they did not: calls that were given up each held
/// a thread of the pool, and answers of other shards found none.
/// </summary>
[Collection(FaultTests.Name)]
public sealed class BulkheadTests(ShardFaultCluster own, ITestOutputHelper output) : IClassFixture<ShardFaultCluster>
{
    private const int Insistent = 48;
    private const int List = 2;
    private const int LargeItems = 5; // of 1 MB: a page of them is cut off, and its statement ended
    private static readonly TimeSpan Outage = TimeSpan.FromSeconds(2.5); // on a machine that is busy with other tests; it was 7 to 10 s
    private static readonly TimeSpan Hangs = TimeSpan.FromSeconds(12);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(200); // what is refused at once must not be a load on the machine
    private static readonly (string, string) Limit = ("Request-Timeout", "1");

    private ApiCollection Items => own.Items;

    [Theory]
    [InlineData(PostgresProcesses.All)]
    [InlineData(PostgresProcesses.Postmaster, Traits = ["Category", "Long"])]
    [InlineData(PostgresProcesses.Children, Traits = ["Category", "Long"])]
    public async Task While_one_shard_hangs_the_others_answer_in_every_second(PostgresProcesses which)
    {
        var hung = own.Cluster.PartitionOf("s3");
        for (var i = 0; i < LargeItems; i++)
            Assert.True((await Items.PutAsync(hung, $"large{i}", $$"""{"text":"{{new string('x', 1_000_000)}}"}""")).Status < 300);
        using var stop = new CancellationTokenSource();
        var (clock, answers) = (Stopwatch.StartNew(), new ConcurrentQueue<(TimeSpan At, TimeSpan Took, ApiReply Reply)>());
        var neighbours = new[] { "s1", "s2" }.Select(shard => Task.Run(() => ServeAsync(own.Cluster.PartitionOf(shard), answers, clock, stop.Token))).ToArray();
        var insistent = Enumerable.Range(0, Insistent).Select(i => Task.Run(() => InsistAsync(hung, i, stop.Token))).ToArray();
        await Task.Delay(TimeSpan.FromSeconds(4), TestContext.Current.CancellationToken);
        var from = clock.Elapsed;

        await own.ServerOf("s3").PauseAsync(which);
        await Task.Delay(Hangs, TestContext.Current.CancellationToken);
        await own.ServerOf("s3").ResumeAsync();
        await own.RecoversAsync("s3");
        await stop.CancelAsync();
        await Task.WhenAll([.. neighbours, .. insistent]);

        var slowest = answers.Where(answer => answer.At > from).Max(answer => answer.Took);
        var seconds = answers.Where(answer => answer.At > from && answer.At < from + Hangs).GroupBy(answer => (int)(answer.At - from).TotalSeconds)
            .ToDictionary(second => second.Key, second => second.Count());
        var before = answers.Count(answer => answer.At > from - TimeSpan.FromSeconds(2) && answer.At <= from) / 2;
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{before} a second before, then {string.Join(' ', seconds.OrderBy(each => each.Key).Select(each => each.Value))}; slowest {slowest.TotalMilliseconds:0} ms"));
        Assert.All(answers, answer => Assert.True(answer.Reply.Status is 200 or 201, answer.Reply.ToString()));
        Assert.True(slowest < Outage, $"One took {slowest}.");
        Assert.All(Enumerable.Range(0, (int)Hangs.TotalSeconds), second => Assert.True(seconds.ContainsKey(second), $"No answer in second {second}."));
    }

    /// <summary>All kinds of calls, one after the other.</summary>
    private async Task ServeAsync(string pk, ConcurrentQueue<(TimeSpan, TimeSpan, ApiReply)> answers, Stopwatch clock, CancellationToken stop)
    {
        for (var i = 0; !stop.IsCancellationRequested; i++)
        {
            var at = clock.Elapsed;
            var reply = await AskAsync(pk, i % 5, []);
            answers.Enqueue((at, clock.Elapsed - at, reply));
        }
    }

    private async Task InsistAsync(string pk, int kind, CancellationToken stop)
    {
        for (var i = kind; !stop.IsCancellationRequested; i++)
        {
            var reply = await AskAsync(pk, i % 5, [Limit]);
            Assert.True(reply.Status < 500 || reply.Status is 503 or 504, reply.ToString());
            await Task.Delay(i % 5 == List ? 10 * Pause : Pause, CancellationToken.None);
        }
    }

    private Task<ApiReply> AskAsync(string pk, int kind, (string, string)[] headers) => kind switch
    {
        0 => Items.PutAsync(pk, "x", "{}", headers),
        1 => Items.GetAsync(pk, "x", headers),
        List => Items.Api.GetAsync(Items.AddressOf(pk), headers),
        3 => Items.Api.PostAsync(Items.Address + ":batchGet", $$"""{"keys":[{"pk":"{{pk}}","id":"x"}]}""", headers),
        _ => Items.Api.PostAsync("/v1:transact", $$"""{"pk":"{{pk}}","ops":[{"op":"put","doc":{},"collection":"{{Items.Name}}","id":"x"}]}""", headers),
    };
}
