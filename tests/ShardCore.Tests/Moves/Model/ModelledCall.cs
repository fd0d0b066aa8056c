using System.Globalization;
using ShardCore.Moves.Batches;

namespace ShardCore.Tests.Moves.Model;

/// <summary>One call of one SQL function: as it is typed, and what the model says of it.</summary>
/// <param name="Sql">A scalar; its text is the answer.</param>
internal sealed record ModelledCall(bool AtSource, string Sql, Func<ModelState, SqlAnswer> Model)
{
    private const string Id = "'" + ModelledShards.MoveId + "'";
    private const string Slots = "array[" + ModelledShards.SlotText + "]::smallint[]";

    /// <summary>Of freezes: a seal that nobody has, and two that somebody may have.</summary>
    private static readonly int[] Seals = [31, 1, 3];

    private static readonly SourceFunctions Source = new(KnownBug.None);
    private static readonly TargetFunctions Target = new(KnownBug.None);

    /// <summary>Every function, with every attempt that anybody can have heard of, and one more.</summary>
    public static IEnumerable<ModelledCall> All(ModelState s)
    {
        var last = Math.Max(s.Attempt, Math.Max(s.Import, s.ImportOver));
        foreach (var call in OfSource(s).Concat(OfDisputes(s, last)))
            yield return call;
        yield return AtTargetSide($"import_word({Id})", state => Word(state), "state || ' ' || answer.attempt || ' ' || coalesce(answer.epoch, 0) || ' ' || compared");
        yield return AtTargetSide($"import_finish({Id})", TargetFunctions.ImportFinish);
        yield return AtTargetSide($"import_compared({Id})", TargetFunctions.ImportCompared);
        for (var attempt = 1; attempt <= last + 1; attempt++)
            foreach (var call in OfAttempt(s, attempt))
                yield return call;
    }

    private static IEnumerable<ModelledCall> OfSource(ModelState s)
    {
        yield return AtSourceSide($"move_begin({Id}, 'test', false, 1)", state => SourceFunctions.Begin(state, force: false, least: 1));
        yield return AtSourceSide($"move_begin({Id}, 'test', true, 5)", state => SourceFunctions.Begin(state, force: true, least: 5));
        yield return AtSourceSide($"thaw_if_expired({ModelledShards.SlotText}::smallint)", Source.ThawIfExpired);
        yield return AtSourceSide($"move_advance({Id}, 'released', 'owned', {ModelledShards.SealSql(s.SourceSeal)})", state => SourceFunctions.Advance(state, MovePhase.Released, MovePhase.Owned));
        yield return AtSourceSide($"move_advance({Id}, 'owned', 'published', {ModelledShards.SealSql(s.SourceSeal)})", state => SourceFunctions.Advance(state, MovePhase.Owned, MovePhase.Published));
        yield return AtSourceSide($"move_advance({Id}, 'published', 'verified', {ModelledShards.SealSql(s.SourceSeal)})", Source.Verify);
        yield return AtSourceSide($"move_clean({Id}, 1000, null, null, null, null)", Source.Clean, "deleted");
        yield return AtSourceSide("move_empty()", SourceFunctions.Empty);
        if (s.Phase is null or MovePhase.Verified) // a mover gets there no other way, and then no writer holds its rows
            yield return AtSourceSide($"move_finish({Id})", Source.Finish);
    }

    private static IEnumerable<ModelledCall> OfDisputes(ModelState s, int last)
    {
        foreach (var phase in (MovePhase[])[MovePhase.Copying, MovePhase.Released, MovePhase.Owned, MovePhase.Published, MovePhase.Verified])
            yield return AtSourceSide($"move_dispute({Id}, '{phase.ToString().ToLowerInvariant()}', 'test')", state => SourceFunctions.Dispute(state, phase));
        yield return AtSourceSide($"move_settle({Id})", SourceFunctions.Settle);
        var attempt = (last + 1).ToString(CultureInfo.InvariantCulture);
        for (var epoch = Math.Max(1, s.SourceEpoch - 1); epoch <= s.SourceEpoch + 1; epoch++)
        {
            var number = epoch;
            yield return AtSourceSide($"move_take_back({Id}, {number}, 1)", state => SourceFunctions.TakeBack(state, number));
            yield return AtSourceSide($"move_follow({Id}, {attempt}, {number}, 1)", state => SourceFunctions.Follow(state, last + 1, number));
            yield return AtTargetSide($"import_keep({Id}, {attempt}, 's1', {Slots}, {number}, 1)", state => Target.ImportKeep(state, last + 1, number));
            yield return AtTargetSide($"import_give_back({Id}, {attempt}, 's1', {Slots}, {number})", state => Target.ImportGiveBack(state, last + 1, number));
        }
    }

    private static IEnumerable<ModelledCall> OfAttempt(ModelState s, int attempt)
    {
        var number = attempt.ToString(CultureInfo.InvariantCulture);
        yield return AtSourceSide($"move_require({Id}, {number})", state => SourceFunctions.CreatePublication(state, attempt));
        yield return AtSourceSide($"move_freeze({Id}, {number}, 60, 'marker')", state => Source.Freeze(state, attempt));
        yield return AtSourceSide($"move_unfreeze({Id}, {number})", state => SourceFunctions.Unfreeze(state, attempt));
        yield return AtSourceSide($"move_release({Id}, {number}, 1, {ModelledShards.SealSql(3)})", state => Source.Release(state, attempt, 3));
        yield return AtSourceSide($"move_cancel({Id}, {number})", state => Source.Cancel(state, attempt));
        yield return AtTargetSide($"import_begin({Id}, {number}, 's1', {Slots}, 1)", state => Target.ImportBegin(state, attempt));
        yield return AtTargetSide($"import_check({Id}, {number}, null)", state => Target.ImportCheck(state, attempt));
        yield return AtTargetSide($"import_seal({Id}, {number}, {ModelledShards.SealSql(3)})", state => Target.ImportSeal(state, attempt, 3));
        foreach (var seal in Seals)
            yield return AtTargetSide($"import_own({Id}, {number}, {s.SourceEpoch}, 1, {ModelledShards.SealSql(seal)})", state => Target.ImportOwn(state, attempt, state.SourceEpoch, seal));
        yield return AtTargetSide($"import_cancel({Id}, {number})", state => Target.ImportCancel(state, attempt));
        if (s.Target == SlotState.Importing) // no attempt purges what is served; an open writer could hold those rows
            yield return AtTargetSide($"import_purge({Id}, {number}, 1000, null, null, null, null)", state => Target.ImportPurge(state, attempt), "deleted");
    }

    private static SqlAnswer Word(ModelState s) => SqlAnswer.Done(s) with { Text = TargetFunctions.Word(s).ToString() };

    private static ModelledCall AtSourceSide(string call, Func<ModelState, SqlAnswer> model, string column = "answer") =>
        new(true, $"select ({column})::text from sharding.{call} answer", model);

    private static ModelledCall AtTargetSide(string call, Func<ModelState, SqlAnswer> model, string column = "answer") =>
        new(false, $"select ({column})::text from sharding.{call} answer", model);
}
