using System.Text.RegularExpressions;
using LoadTests.Engine;
using LoadTests.References;
using Workbench;

namespace LoadTests.Tests.References;

public sealed partial class PgBenchOutputTests
{
    private const string Output = """
        pgbench (15.20 (Debian 15.20-0+deb12u1))
        transaction type: get.sql
        number of transactions actually processed: 70245
        number of failed transactions: 0 (0.000%)
        latency average = 2.622 ms
        initial connection time = 218.450 ms
        tps = 18499.415482 (without initial connection time)
        progress: 1.0 s, 13087.3 tps, lat 2.806 ms stddev 4.449, 0 failed
        progress: 2.0 s, 19000.0 tps, lat 2.000 ms stddev 1.949, 0 failed
        progress: 3.0 s, 21000.0 tps, lat 4.000 ms stddev 1.646, 0 failed
        """;

    [Fact]
    public void The_warm_up_does_not_count()
    {
        var result = PgBenchOutput.Parse(Output, TimeSpan.FromSeconds(1));

        Assert.Equal(20_000, result.PerSecond, tolerance: 0.001);
        Assert.Equal(3.05, result.Latency.Mean.TotalMilliseconds, tolerance: 0.001); // 19,000 of 2 ms and 21,000 of 4 ms
        Assert.Null(result.Latency.P99);
    }

    [Fact]
    public void Without_warm_up_everything_counts() =>
        Assert.Equal((13_087.3 + 40_000) / 3, PgBenchOutput.Parse(Output, TimeSpan.Zero).PerSecond, tolerance: 0.001);

    [Fact]
    public void A_failed_transaction_is_no_throughput()
    {
        var failure = Assert.Throws<WrongAnswerException>(
            () => PgBenchOutput.Parse(Output.Replace("transactions: 0 (", "transactions: 3 (", StringComparison.Ordinal), TimeSpan.Zero));

        Assert.StartsWith("pgbench: 3 transactions failed", failure.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("pgbench: error: connection to server failed")]
    [InlineData("number of failed transactions: 0 (0.000%)")]
    public void What_tells_no_throughput_is_refused(string output) =>
        Assert.Throws<WrongAnswerException>(() => PgBenchOutput.Parse(output, TimeSpan.Zero));

    [Fact]
    public void Scripts_have_no_colon_that_pgbench_would_take_for_a_variable()
    {
        foreach (var script in (string[])[ReferenceSql.Get, ReferenceSql.Put])
            foreach (Match match in Variable().Matches(script))
                Assert.Equal("n", match.Groups["name"].Value);
    }

    [GeneratedRegex("(?<!:):(?<name>[A-Za-z0-9_]+)", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Variable();
}
