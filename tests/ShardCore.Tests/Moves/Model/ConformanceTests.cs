using System.Globalization;
using TestCluster;

namespace ShardCore.Tests.Moves.Model;

/// <summary>
/// The search is worth what the model is worth: every SQL function, called in a few hundred of the states that can be
/// reached, answers, refuses, waits and leaves behind exactly what the model says.
/// </summary>
public sealed class ConformanceTests(SharedPostgres postgres, ITestOutputHelper output)
{
    private const int MaxStates = 20_000_000;
    private const int OfEachKind = 1;
    private const int OneOfHeld = 4;
    private const int Seed = 20261124;

    private static readonly ModelBounds Small = new(2, 1, 1, Movers: 1, IsSetBack: false);

    private static readonly ModelBounds[] Sampled =
    [
        new(2, 1, 1, Movers: 1),
        Small with { Loses = Loss.ImageOfSource, HasCanceller = false, HasResidue = false },
        Small with { Loses = Loss.ImageOfTarget, HasCanceller = false, HasResidue = false },
        Small with { IsDamaged = true, HasCanceller = false, HasResidue = false },
    ];

    private static readonly Lazy<ModelState[]> Sample = new(TakeSample);

    [Fact]
    public Task The_SQL_functions_do_what_the_model_says() => ConformAsync(isHeld: false, Sample.Value);

    [Fact]
    public Task The_SQL_functions_wait_for_a_backup_point_as_the_model_says() =>
        ConformAsync(
            isHeld: true,
            [.. Sample.Value.Where((_, number) => number % OneOfHeld == 0).Select(state => state with { HandOversHeld = true })]);

    private async Task ConformAsync(bool isHeld, IReadOnlyCollection<ModelState> sample)
    {
        var wrong = new List<string>();
        var (states, calls) = (0, 0);
        await using var shards = await ModelledShards.StartAsync(postgres);
        if (isHeld)
            await shards.HoldAsync();
        foreach (var state in sample)
        {
            states++;
            await shards.SetAsync(state);
            foreach (var call in ModelledCall.All(state))
            {
                calls++;
                if (await DifferenceAsync(shards, state, call) is { } difference)
                    wrong.Add(difference);
            }
        }
        output.WriteLine($"{states} states, {calls} calls");
        Assert.True(wrong.Count == 0, $"{wrong.Count} calls differ: {string.Join(Environment.NewLine, wrong.Take(20))}");
    }

    [Fact]
    public async Task Writes_meet_the_fence_as_the_model_says()
    {
        await using var shards = await ModelledShards.StartAsync(postgres);
        var model = new WriterProgram(KnownBug.None, new ModelBounds(7, 2, 2));
        foreach (var state in Sample.Value.Where(state => state is { UsedA: < 2 } && state.Writer(0) == WriterStep.Idle
            && !state.JournalRowIsLocked))
        {
            await shards.SetAsync(state);
            foreach (var atSource in (bool[])[true, false])
            {
                var checkedBy = Take(model, state.With(0, atSource ? WriterStep.LockedAtSource : WriterStep.LockedAtTarget));
                var writes = checkedBy.Writer(0) != WriterStep.Idle;
                var after = writes ? Take(model, checkedBy) : state;
                var (sqlState, outcome, standing) = await shards.CallAsync(atSource,
                    ModelledShards.WriteSql(0, Rows.Of(0, state.UsedA + 1)));
                Assert.True(sqlState is null && outcome is "created" or "replaced" or "deleted" == writes, $"{sqlState} {outcome} at the {(atSource ? "source" : "target")} in {state}");
                if (writes)
                    Assert.Equal(atSource ? ModelledStanding.SourceOf(after) : ModelledStanding.TargetOf(after), standing);
            }
        }
    }

    private static ModelState Take(WriterProgram model, ModelState state)
    {
        ModelState? next = null;
        model.Next(state, 0, (what, after) => next = what == "rolls back" ? next : after);
        return next!.Value;
    }

    private static async Task<string?> DifferenceAsync(ModelledShards shards, ModelState state, ModelledCall call)
    {
        var said = call.Model(state);
        var (sqlState, answer, standing) = await shards.CallAsync(call.AtSource, call.Sql);
        var expected = call.AtSource ? ModelledStanding.SourceOf(said.State) : ModelledStanding.TargetOf(said.State);
        if (sqlState == said.SqlState && (sqlState is not null || (IsSame(answer, said) && standing == expected)))
            return null;
        return $"{call.Sql} in {state}: the model says {said.SqlState ?? $"{said.Text ?? said.Value.ToString(CultureInfo.InvariantCulture)}, {expected}"}; Postgres {sqlState ?? $"{answer}, {standing}"}";
    }

    /// <summary>A function that returns nothing says nothing of how it went.</summary>
    private static bool IsSame(string answer, SqlAnswer said) => said.Text is { } text ? answer == text : answer switch
    {
        "" => true,
        "true" => said.Value == 1,
        "false" => said.Value == 0,
        _ => answer == said.Value.ToString(CultureInfo.InvariantCulture) || answer.Length > 10, // move_release: the version floor is a time
    };

    /// <summary>Some of each kind of what can be reached, with writers in all their steps; always the same ones.</summary>
    private static ModelState[] TakeSample()
    {
        var random = new Random(Seed);
        return [.. Sampled.SelectMany(Reached)
            .GroupBy(s => (s.Phase, s.Source, s.Target, s.Held, s.Expired, s.Disputed, s.Uncompared, s.JournalRowIsLocked,
                (HasWriters: s.Writer(0) != WriterStep.Idle || s.Writer(1) != WriterStep.Idle, IsOver: s.ImportOver > 0,
                    HasImport: s.Import > 0 && s.Import == s.Attempt, IsSealed: s.TargetSeal != 0 || s.Compared)))
            .SelectMany(kind => kind.OrderBy(_ => random.Next()).Take(OfEachKind))];
    }

    private static IEnumerable<ModelState> Reached(ModelBounds bounds)
    {
        var search = new StateSearch(new MoveModel(KnownBug.None, bounds), new Invariants(bounds), new Recovery(KnownBug.None, bounds));
        Assert.Null(search.FirstViolation(MaxStates));
        return search.Reached.DistinctBy(s => (s.AtSource, s.AtTarget, s.UsedA, s.UsedB, s.Writer(0), s.Writer(1)));
    }
}
