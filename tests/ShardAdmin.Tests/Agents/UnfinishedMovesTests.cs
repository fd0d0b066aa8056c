using System.Diagnostics.Metrics;
using ShardAdmin.Telemetry;
using ShardCore.Ring;

namespace ShardAdmin.Tests.Agents;

public sealed class UnfinishedMovesTests
{
    private static readonly Guid One = Guid.NewGuid();
    private static readonly Guid Other = Guid.NewGuid();

    [Fact]
    public void A_mover_that_reports_on_one_batch_lives_also_for_those_that_wait_and_the_longest_unseen_counts()
    {
        var moves = new UnfinishedMoves();
        moves.Set(new ShardId("s1"), [Batch(One, "s3", unseen: 1), Batch(One, "s3", unseen: 500)]);
        moves.Set(new ShardId("s2"), [Batch(One, "s3", unseen: 300), Batch(One, "s1", unseen: 400), Batch(Other, "s1", unseen: 40)]);

        Assert.Equal(["s1 s3 run = 1", "s2 s1 run = 40", "s2 s3 run = 1"], Text(moves.LongestUnseen()));
    }

    [Fact]
    public void A_lag_counts_only_until_the_release_and_the_longest_of_a_pair_is_shown()
    {
        var moves = new UnfinishedMoves();
        moves.Set(new ShardId("s1"), [Batch(One, "s2", lag: 20), Batch(Other, "s2", "frozen", lag: 30), Batch(One, "s2", "released", lag: 90), Batch(One, "s3", "owned", lag: 50)]);

        Assert.Equal(["s1 s2 = 0.03"], Text(moves.LongestLag()));
    }

    [Fact]
    public void What_cannot_be_read_or_is_not_in_the_ring_any_more_is_not_shown()
    {
        var moves = new UnfinishedMoves();
        foreach (var shard in new[] { "s1", "s2", "s3" })
            moves.Set(new ShardId(shard), [Batch(One, "s9")]);

        moves.Forget(new ShardId("s1"));
        moves.KeepOnly(new HashSet<ShardId> { new("s1"), new("s2") });

        Assert.Equal(["s2 s9 copying none run = 1"], Text(moves.Count()));
        Assert.Equal(["s2 s9 = 7"], Text(moves.Sum(batch => batch.Rows)));
    }

    [Theory]
    [InlineData("9464", "http://127.0.0.1:9464")]
    [InlineData("10.0.0.1:9464", "http://10.0.0.1:9464")]
    [InlineData("agent-1.local:80", "http://agent-1.local:80")]
    [InlineData("*:9464", "http://*:9464")]
    [InlineData("0.0.0.0:9464", "http://*:9464")]
    [InlineData("0", null)]
    [InlineData("65536", null)]
    [InlineData(":9464", null)]
    [InlineData("9464/metrics", null)]
    [InlineData("[::1]:9464", null)]
    [InlineData("http://a:9464", null)]
    [InlineData("", null)]
    public void An_address_for_metrics_is_a_port_or_a_host_and_a_port(string typed, string? address) => Assert.Equal(address, MetricsAddress.Parse(typed)?.ToString());

    private static UnfinishedBatch Batch(Guid operation, string target, string phase = "copying", double? lag = null, double unseen = 0) =>
        new(operation, target, phase, null, "run", 7, 0, 0, 0, lag, unseen);

    private static IEnumerable<string> Text<T>(IEnumerable<Measurement<T>> measured)
        where T : struct, IFormattable => measured
        .Select(each => string.Join(' ', each.Tags.ToArray().Select(tag => tag.Value)) + " = " + each.Value.ToString(null, System.Globalization.CultureInfo.InvariantCulture))
        .Order(StringComparer.Ordinal);
}
