using Chaos;
using Chaos.Matrix;
using ShardCore.Moves.Batches;
using TestCluster;

namespace LoadTests.Tests.Chaos;

/// <summary>A slice of the matrix, on a cluster of its own; the whole is <c>./dev chaos --matrix</c>.</summary>
public sealed class MatrixTests
{
    private static readonly MatrixCell[] Slice =
    [
        new(MoveStep.Copy, MatrixFault.KillTarget), // half a copy is lost
        new(MoveStep.Drain, MatrixFault.TakeOver), // the sleeper has frozen the slots, and wakes up before its release
        new(MoveStep.Release, MatrixFault.KillSource),
        new(MoveStep.Own, MatrixFault.KillMover), // nobody serves the slots
        new(MoveStep.Own, MatrixFault.PromoteSource), // the release must be where a failover lands
        new(MoveStep.Publish, MatrixFault.FlushRedis),
    ];

    [Fact]
    public async Task A_move_survives_what_happens_at_its_steps_and_a_router_that_sleeps_across_it_does_no_harm()
    {
        RequiredProgram.Find("postgres", "postgresql");
        RequiredProgram.Find("redis-server", "redis-server");
        RequiredProgram.Find("haproxy", "haproxy");
        var folder = Directory.CreateTempSubdirectory("matrix").FullName;
        var written = new StringWriter();
        using (var log = new ChaosLog(written, Path.Combine(folder, "chaos.log")))
        {
            var options = new ChaosOptions(TimeSpan.Zero, Seed: 1, Rate: 1, folder, Build: false);
            var results = await new MatrixRun(options, log).RunAsync(Slice, staleRouter: true, TestContext.Current.CancellationToken);
            Assert.True(results.All(result => result.IsRight), $"{written}\nRecordings and logs: {folder}");
            Assert.Equal([.. Slice.Select(cell => cell.ToString()), "stale-router", "audit at the end"], results.Select(result => result.Name));
        }
        Directory.Delete(folder, recursive: true);
    }

    [Theory]
    [InlineData("", 125)]
    [InlineData("copy", 9)]
    [InlineData("*/take-over", 14)]
    [InlineData("release/kill-source", 1)]
    [InlineData("own/promote-lagging-target", 1)]
    [InlineData("nothing", 0)]
    public void A_pattern_chooses_cells(string pattern, int cells) => Assert.Equal(cells, MatrixCell.Matching(pattern).Count);

    [Fact]
    public void A_lagging_standby_lacks_the_step_before_at_least()
    {
        foreach (var (step, isSource) in Enum.GetValues<MoveStep>().SelectMany(step => new[] { (step, true), (step, false) }))
            Assert.True(Promotion.LagsFrom(step, isSource) is not { } from || from < step, $"{step}");
        Assert.Equal(MoveStep.Release, Promotion.LagsFrom(MoveStep.Clean, isSource: true)); // it owns its slots once more
        Assert.Equal(MoveStep.Copy, Promotion.LagsFrom(MoveStep.Own, isSource: false)); // it has not got the rows
        Assert.Equal(MoveStep.Own, Promotion.LagsFrom(MoveStep.Finish, isSource: false)); // it does not own them
    }
}
