using ShardCore.Ring;
using ShardRouter.Refusals;
using ShardRouter.Shards;

namespace ShardRouter.Consistency;

/// <summary>
/// The session that a request belongs to: what its reads ask for, what it has seen before, and what this request adds. A request that
/// asks for nothing has no session, and pays nothing.
/// </summary>
internal sealed class RequestSession
{
    public const string ConsistencyHeader = "Read-Consistency";
    public const string ReadFromHeader = "Read-From";

    private readonly Lock _gate = new(); // a batch asks several shards at the same time
    private readonly SessionToken _token;
    private readonly HashSet<ShardId> _triedStandbysOf = [];
    private bool _fromStandby;
    private bool _fromPrimary;

    /// <param name="consistency">What the session's reads promise.</param>
    /// <param name="token">
    /// What the session has seen so far; null: the request has no token. Then its answer has one only for
    /// <see cref="ReadConsistency.Session"/>.
    /// </param>
    public RequestSession(ReadConsistency consistency, SessionToken? token)
    {
        (Consistency, HasToken) = (consistency, token is not null || consistency == ReadConsistency.Session);
        _token = token ?? new SessionToken();
    }

    public ReadConsistency Consistency { get; }

    /// <summary>The answer to the request carries a token.</summary>
    public bool HasToken { get; }

    public bool MayReadStandbys => Consistency != ReadConsistency.Strong;

    /// <returns>Null: the request asks for nothing.</returns>
    /// <exception cref="ProblemException">invalid-header.</exception>
    public static RequestSession? Of(HttpContext context)
    {
        var headers = context.Request.Headers;
        var (asked, tokens) = (headers[ConsistencyHeader], headers[SessionTokenText.Header]);
        if (asked.Count == 0 && tokens.Count == 0)
            return null;
        var consistency = asked.Count == 0 ? ReadConsistency.Strong : asked.ToString() switch
        {
            "strong" => ReadConsistency.Strong,
            "session" => ReadConsistency.Session,
            "eventual" => ReadConsistency.Eventual,
            _ => throw new ProblemException(Problems.InvalidHeader(ConsistencyHeader, "Expected one of strong, session, eventual.")),
        };
        var token = tokens.Count == 0 ? null : SessionTokenText.Read(tokens);
        return consistency == ReadConsistency.Strong && token is null ? null : new RequestSession(consistency, token);
    }

    /// <returns>This session, for a request that writes; null: the request only says how it would read, and wants no token.</returns>
    public RequestSession? ForWrites() => HasToken ? this : null;

    /// <summary>The place in the log that a server of the shard must have; null: none.</summary>
    public (uint Timeline, ulong Lsn)? PlaceOf(ShardId shard)
    {
        lock (_gate)
            return _token.PlaceOf(shard);
    }

    /// <inheritdoc cref="SessionToken.EpochOf" />
    public long EpochOf(Slot slot)
    {
        lock (_gate)
            return _token.EpochOf(slot.Value);
    }

    /// <summary>All places in logs that the token has.</summary>
    public ((ShardId Shard, uint Timeline) At, ulong Lsn)[] Places()
    {
        lock (_gate)
            return [.. _token.Places.Select(place => (place.Key, place.Value))];
    }

    /// <summary>
    /// Up to where standbys have shown the shard's log to the session, if the primary may not show all of that yet; 0: nothing.
    /// </summary>
    public ulong ShownByStandbys(ShardId shard, uint timeline)
    {
        lock (_gate)
            return _token.ShownByStandbys(shard, timeline);
    }

    /// <inheritdoc cref="SessionToken.ShownByPrimary" />
    public void ShownByPrimary(ShardId shard, uint timeline, ulong lsn)
    {
        lock (_gate)
            _token.ShownByPrimary(shard, timeline, lsn);
    }

    /// <inheritdoc cref="SessionToken.Replace" />
    public void Judged(ShardId shard, uint timeline, ulong lsn)
    {
        lock (_gate)
            _token.Replace(shard, timeline, lsn);
    }

    /// <inheritdoc cref="SessionToken.Forget" />
    public void Forget(ShardId shard)
    {
        lock (_gate)
            _token.Forget(shard);
    }

    /// <summary>A write is about to be sent. If its place in the log is never learned, the session's reads go to the primary.</summary>
    public void Writes(ShardId shard, uint timeline)
    {
        lock (_gate)
            _token.SeePlace(shard, timeline, SessionToken.Unknown);
    }

    /// <summary>A server has answered for this slot. The reading tells its place in the log.</summary>
    public void See(ShardId shard, LogReading reading, Slot slot, long? epoch)
    {
        lock (_gate)
        {
            if (reading.IsPrimary)
                _token.Settle(shard, reading.Timeline, reading.Seen);
            else if (reading.Timeline != 0)
                _token.SeeAtStandby(shard, reading.Timeline, reading.Seen);
            if (epoch is { } under)
                _token.SeeSlot(slot.Value, under);
        }
    }

    /// <returns>True once for each shard. A read that a standby did not answer goes to the primary, also if it is asked again.</returns>
    public bool TryStandbysOf(ShardId shard)
    {
        lock (_gate)
            return MayReadStandbys && _triedStandbysOf.Add(shard);
    }

    /// <summary>Everything that was read for this request came from standbys.</summary>
    public bool WasReadFromStandby
    {
        get
        {
            lock (_gate)
                return _fromStandby && !_fromPrimary;
        }
    }

    public void ReadFrom(bool standby)
    {
        lock (_gate)
            (_fromStandby, _fromPrimary) = (_fromStandby || standby, _fromPrimary || !standby);
    }

    /// <summary>Sets the headers that give the token and say who was read. It must be called before the answer begins.</summary>
    public void Tell(HttpContext context)
    {
        var headers = context.Response.Headers;
        lock (_gate)
        {
            if (HasToken)
                headers[SessionTokenText.Header] = _token.ToString();
            if (MayReadStandbys && (_fromStandby || _fromPrimary))
                headers[ReadFromHeader] = !_fromStandby ? "primary" : _fromPrimary ? "primary, standby" : "standby";
        }
    }
}
