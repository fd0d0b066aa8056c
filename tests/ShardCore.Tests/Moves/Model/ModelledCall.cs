using System.Globalization;
using ShardCore.Moves;

namespace ShardCore.Tests.Moves.Model;

/// <summary>One call of one SQL function: as it is typed, and what the model says of it.</summary>
/// <param name="Sql">A scalar; its text is the answer.</param>
internal sealed record ModelledCall(bool AtSource, string Sql, Func<ModelState, SqlAnswer> Model)
{
    private const string Id = "'" + ModelledShards.MoveId + "'";
    private const string Slots = "array[" + ModelledShards.SlotText + "]::smallint[]";

    private static readonly SourceFunctions Source = new(KnownBug.None);
    private static readonly TargetFunctions Target = new(KnownBug.None);

    /// <summary>Every function, with every attempt that anybody can have heard of, and one more.</summary>
    public static IEnumerable<ModelledCall> All(ModelState s)
    {
        yield return AtSourceSide($"move_begin({Id}, 'test', false)", state => SourceFunctions.Begin(state, force: false));
        yield return AtSourceSide($"move_begin({Id}, 'test', true)", state => SourceFunctions.Begin(state, force: true));
        yield return AtSourceSide($"thaw_if_expired({ModelledShards.SlotText}::smallint)", Source.ThawIfExpired);
        yield return AtSourceSide($"move_advance({Id}, 'released', 'owned')", state => SourceFunctions.Advance(state, MovePhase.Released, MovePhase.Owned));
        yield return AtSourceSide($"move_advance({Id}, 'owned', 'published')", state => SourceFunctions.Advance(state, MovePhase.Owned, MovePhase.Published));
        yield return AtSourceSide($"move_advance({Id}, 'published', 'verified')", state => SourceFunctions.Advance(state, MovePhase.Published, MovePhase.Verified));
        yield return AtSourceSide($"move_clean({Id}, 1000, null, null, null, null)", Source.Clean, "deleted");
        if (s.Phase is null or MovePhase.Verified) // a mover gets there no other way, and then no writer holds its rows
            yield return AtSourceSide($"move_finish({Id}, 's1')", Source.Finish);
        yield return AtTargetSide($"import_finish({Id})", TargetFunctions.ImportFinish);
        for (var attempt = 1; attempt <= Math.Max(s.Attempt, Math.Max(s.Import, s.ImportOver)) + 1; attempt++)
            foreach (var call in OfAttempt(s, attempt))
                yield return call;
    }

    private static IEnumerable<ModelledCall> OfAttempt(ModelState s, int attempt)
    {
        var number = attempt.ToString(CultureInfo.InvariantCulture);
        yield return AtSourceSide($"move_require({Id}, {number})", state => SourceFunctions.CreatePublication(state, attempt));
        yield return AtSourceSide($"move_freeze({Id}, {number}, 60, 'marker')", state => Source.Freeze(state, attempt));
        yield return AtSourceSide($"move_unfreeze({Id}, {number})", state => SourceFunctions.Unfreeze(state, attempt));
        yield return AtSourceSide($"move_release({Id}, {number}, 1)", state => Source.Release(state, attempt));
        yield return AtSourceSide($"move_cancel({Id}, {number})", state => Source.Cancel(state, attempt));
        yield return AtTargetSide($"import_begin({Id}, {number}, 's1', {Slots}, 1)", state => Target.ImportBegin(state, attempt));
        yield return AtTargetSide($"import_check({Id}, {number}, null)", state => Target.ImportCheck(state, attempt));
        yield return AtTargetSide($"import_own({Id}, {number}, {s.SourceEpoch}, 1)", state => TargetFunctions.ImportOwn(state, attempt, s.SourceEpoch));
        yield return AtTargetSide($"import_cancel({Id}, {number})", state => Target.ImportCancel(state, attempt));
        if (s.Target == SlotState.Importing) // no attempt purges what is served; an open writer could hold those rows
            yield return AtTargetSide($"import_purge({Id}, {number}, 1000, null, null, null, null)", state => Target.ImportPurge(state, attempt), "deleted");
    }

    private static ModelledCall AtSourceSide(string call, Func<ModelState, SqlAnswer> model, string column = "answer") =>
        new(true, $"select {column}::text from sharding.{call} answer", model);

    private static ModelledCall AtTargetSide(string call, Func<ModelState, SqlAnswer> model, string column = "answer") =>
        new(false, $"select {column}::text from sharding.{call} answer", model);
}
