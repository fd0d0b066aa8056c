using Chaos.Checkers;
using Chaos.Recording;

namespace LoadTests.Tests.Chaos;

/// <summary>Every checker accepts what a right service does, and finds a flawed one out within some histories.</summary>
public sealed class ModelHistoriesTests
{
    private const int Seeds = 25;

    private static readonly LostCommitWindow Lost = new(new HashSet<string> { "k" }, ModelService<int>.LostFrom, ModelService<int>.LostTo);

    public static TheoryData<string> Workloads => ["register", "append", "bank", "set"];

    public static TheoryData<string, ModelFlaw> Flaws =>
        [.. from workload in Workloads.Select(row => row.Data) from flaw in Enum.GetValues<ModelFlaw>().Except([ModelFlaw.None]) select (workload, flaw)];

    [Theory]
    [MemberData(nameof(Workloads))]
    public void A_right_service_is_accepted(string workload)
    {
        for (var seed = 0; seed < Seeds; seed++)
            AssertRight(workload, seed, HistoryOf(workload, seed, ModelFlaw.None));
    }

    [Theory]
    [MemberData(nameof(Workloads))]
    public void A_service_that_loses_commits_is_accepted_with_the_window(string workload)
    {
        for (var seed = 0; seed < Seeds; seed++)
            AssertRight(workload, seed, LostCommits.Apply("k", HistoryOf(workload, seed, ModelFlaw.LosesCommits), [Lost]));
    }

    [Theory]
    [MemberData(nameof(Flaws))]
    public void A_flawed_service_is_found_out(string workload, ModelFlaw flaw) =>
        Assert.InRange(Enumerable.Range(0, Seeds).Count(seed => Check(workload, HistoryOf(workload, seed, flaw)).Count > 0), Seeds / 2, Seeds);

    private static void AssertRight(string workload, int seed, IReadOnlyList<HistoryOperation> history)
    {
        var violations = Check(workload, history);
        Assert.True(violations.Count == 0, $"seed {seed}: {string.Join('\n', violations)}");
    }

    private static IReadOnlyList<HistoryOperation> HistoryOf(string workload, int seed, ModelFlaw flaw) => workload switch
    {
        "register" => ModelHistories.Register(seed, flaw),
        "append" => ModelHistories.Append(seed, flaw),
        "bank" => ModelHistories.Bank(seed, flaw),
        _ => ModelHistories.Set(seed, flaw),
    };

    private static IReadOnlyList<Violation> Check(string workload, IReadOnlyList<HistoryOperation> history) => workload switch
    {
        "register" => RegisterChecker.Check(history),
        "append" => AppendChecker.Check(history),
        "bank" => BankChecker.Check(history),
        _ => SetChecker.Check(history),
    };
}
