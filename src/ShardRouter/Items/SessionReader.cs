using ShardCore.Ring;
using ShardRouter.Consistency;
using ShardRouter.Gathering;
using ShardRouter.Keys;
using ShardRouter.Outcomes;
using ShardRouter.Payload;
using ShardRouter.Refusals;
using ShardRouter.Routing;
using ShardRouter.Shards;
using ShardRouter.Telemetry;

namespace ShardRouter.Items;

/// <summary>
/// Reads items for sessions. It works as <see cref="ItemReader"/> does, but reads from a standby if the session allows it, and uses the
/// session's token.
/// </summary>
internal sealed class SessionReader(
    SlotDispatch dispatch, StandbyFirst standbys, TokenCheck tokens, RouterMetrics metrics) : IAsyncDisposable
{
    private const int Workers = 2;

    private static readonly GatherKind<SessionRead, SessionItem> Kind = new(
        "session-read", Writes: false, Workers, KeepsOrder: false, read => read.Key, _ => 0, answer => answer.Item?.Doc.Length ?? 0,
        answer => answer.Item?.WasLeftOut is not null, session => new SessionReadStatement(session), ReadAloneAsync);

    public GatherQueues<SessionRead, SessionItem> Queues { get; } = new(Kind, metrics);

    /// <inheritdoc cref="ItemReader.ReadAsync(ItemKey, CancellationToken)" />
    /// <exception cref="ProblemException">session-lost.</exception>
    public async Task<Routed<Item?>> ReadAsync(ItemKey key, RequestSession session, CancellationToken deadline)
    {
        if (!await tokens.AreKnownAsync(session, [key.Slot], writes: false, deadline))
            return Routed<Item?>.Failed(ShardFailure.Unavailable, default);
        var routed = await dispatch.RunOneAsync(new SessionRead(key, session), key.Slot, writes: false, ReadAsync, deadline);
        return Plain(routed);
    }

    /// <inheritdoc cref="ItemReader.ReadAsync(IReadOnlyList{ItemKey}, PayloadShare, CancellationToken)" />
    /// <exception cref="ProblemException">session-lost.</exception>
    public async Task<Routed<Item?>[]> ReadAsync(
        IReadOnlyList<ItemKey> keys, RequestSession session, PayloadShare share, CancellationToken deadline)
    {
        if (!await tokens.AreKnownAsync(session, keys.Select(key => key.Slot), writes: false, deadline))
            return [.. keys.Select(_ => Routed<Item?>.Failed(ShardFailure.Unavailable, default))];
        var admission = new AnswerAdmission(ItemReader.MaxTogetherBytes, share);
        SessionRead[] reads = [.. keys.Select(key => new SessionRead(key, session))];
        var routed = await dispatch.RunAsync(
            reads, read => read.Key.Slot, (pool, some, stop) => ReadAsync(pool, some, session, admission, stop), deadline);
        return [.. routed.Select(Plain)];
    }

    private async Task<Fenced<SessionItem>> ReadAsync(ShardPool pool, SessionRead read, CancellationToken deadline)
    {
        var fromStandby = await standbys.TryAsync(
            pool, read.Session, limit: null, async (standby, stop) => new Answered(await Queues.Of(standby).RunAsync(read, stop)),
            answered => RefusalOf(answered.Value), deadline);
        if (fromStandby is not null)
            return fromStandby.Value;
        await VisibleCheck.RequireAsync(pool, read.Session, [read.Key.Slot], deadline);
        var answer = await Queues.Of(pool).RunAsync(read, deadline);
        read.Session.ReadFrom(standby: false);
        return answer;
    }

    /// <summary>Asks a standby for all items, and the primary for those that the standby refused.</summary>
    private async Task<Fenced<SessionItem>[]> ReadAsync(
        ShardPool pool, IReadOnlyList<SessionRead> reads, RequestSession session, AnswerAdmission admission, CancellationToken deadline)
    {
        var answers = await standbys.TryAsync(
            pool, session, limit: null, (standby, stop) => ReadAsync(standby, reads, admission, stop),
            some => Array.TrueForAll(some, one => RefusalOf(one) is not null) ? RefusalOf(some[0]) : null, deadline);
        var open = Enumerable.Range(0, reads.Count).Where(i => answers is null || RefusalOf(answers[i]) is not null).ToArray();
        if (open.Length == 0)
            return answers!;
        answers ??= new Fenced<SessionItem>[reads.Count];
        await VisibleCheck.RequireAsync(pool, session, open.Select(i => reads[i].Key.Slot), deadline);
        var rest = await ReadAsync(pool, [.. open.Select(i => reads[i])], admission, deadline);
        session.ReadFrom(standby: false);
        for (var i = 0; i < open.Length; i++)
            answers[open[i]] = rest[i];
        return answers;
    }

    private static async Task<Fenced<SessionItem>> ReadAloneAsync(ShardPool pool, SessionRead read, CancellationToken deadline) =>
        (await pool.RunUncountedAsync(writes: false, call => ReadAsync(call, [read], null), deadline))[0];

    private static Task<Fenced<SessionItem>[]> ReadAsync(
        ShardPool pool, IReadOnlyList<SessionRead> reads, AnswerAdmission admission, CancellationToken deadline) =>
        AdmittedRead.RunAsync(pool, Kind.Name, admission, (call, part) => ReadAsync(call, reads, part), deadline);

    private static async Task<Fenced<SessionItem>[]> ReadAsync(
        ShardCall call, IReadOnlyList<SessionRead> reads, AnswerAdmission.Part? admission)
    {
        await using var statement = new SessionReadStatement(call.Session, admission, call.EndStatementAsync);
        return await statement.ExecuteAsync(reads);
    }

    private static string? RefusalOf(Fenced<SessionItem> answer) => answer.Refusal is not null ? "Fence" : answer.Value.Refusal?.ToString();

    /// <summary>The answer of the primary, or of a standby that was allowed to answer.</summary>
    private static Routed<Item?> Plain(Routed<SessionItem> routed) => routed switch
    {
        { Failure: { } failure } => Routed<Item?>.Failed(failure, routed.Shard),
        { Value.Refusal: ReadRefusal.Lost } => throw new ProblemException(Problems.SessionLost(routed.Shard)),
        { Value.Refusal: not null } => Routed<Item?>.Failed(ShardFailure.Unavailable, routed.Shard),
        _ => Routed<Item?>.Answer(routed.Value.Item, routed.Shard),
    };

    public ValueTask DisposeAsync() => Queues.DisposeAsync();

    /// <summary>A reference type, so null can say that there is no answer.</summary>
    private sealed record Answered(Fenced<SessionItem> Value);
}
