using System.Diagnostics;
using ShardCore.Access;
using ShardRouter.Access.Tokens;
using ShardRouter.Callers;
using ShardRouter.Http;
using ShardRouter.Limits;
using ShardRouter.Refusals;

namespace ShardRouter.Access;

/// <summary>
/// Stands between routing and the routes: finds out who calls, and turns away whom the route's <see cref="AccessRule"/> does not let in. A
/// request with a known key passes without waiting for anything.
/// </summary>
/// <remarks>
/// Steps: 1 a public route, or a router that runs open: everybody passes · 2 who calls: an API key by what the shards told last, anything
/// else by the token handler · 3 scopes · 4 the collection and the partition that the address names · 5 limits of the caller and of the
/// partition. What a body names, each route compares with <see cref="Caller.Of"/>, and counts.
/// No key, token or header comes into a log, a metric or an answer.
/// </remarks>
internal sealed partial class AccessControl
{
    private const string NoSuchKey = "There is no such API key.";

    private readonly AccessOptions _options;
    private readonly KeyHolder _keys;
    private readonly KeyLook _look;
    private readonly AccessMetrics _metrics;
    private readonly TimeProvider _time;
    private readonly RequestLimits _limits;
    private readonly TokenCallers? _tokens;

    /// <param name="tokens">Not registered: tokens let nobody in.</param>
    public AccessControl(
        AccessOptions options, KeyHolder keys, KeyLook look, AccessMetrics metrics, RequestLimits limits, TimeProvider time,
        ILogger<AccessControl> log, TokenCallers? tokens = null)
    {
        (_options, _keys, _look, _metrics, _limits, _time, _tokens) = (options, keys, look, metrics, limits, time, tokens);
        if (options.IsOpen)
            LogOpen(log);
    }

    public Task Handle(HttpContext context, RequestDelegate next)
    {
        if (context.GetEndpoint() is not RouteEndpoint endpoint)
            return next(context); // no such route, or not with this method
        var rule = endpoint.Metadata.GetMetadata<AccessRule>()
            ?? throw new InvalidOperationException($"{endpoint.DisplayName} has no rule.");
        if (rule.IsPublic)
            return next(context);
        if (_options.IsOpen)
            return PassAsync(context, Caller.Anybody, next);
        var shown = Bearer.Of(context.Request.Headers.Authorization);
        if (shown.IsEmpty)
            return RefuseAsync(context, AccessRefusal.Missing, Problems.Unauthenticated(null));
        if (!shown.StartsWith(ApiKeyText.Prefix, StringComparison.Ordinal))
            return _tokens is not null
                ? JudgeTokenAsync(context, rule, next)
                : RefuseAsync(
                    context, AccessRefusal.Malformed, Problems.Unauthenticated("It is no API key, and this service takes no tokens."));
        if (!ApiKeyText.TryParse(shown, out var id, out var secret))
            return RefuseAsync(
                context, AccessRefusal.Malformed, Problems.Unauthenticated("It is no API key: a character is missing, added or another."));
        if (_keys.Current is not { } known)
            return RefuseAsync(context, AccessRefusal.KeysNotKnown, Problems.KeysNotKnown());
        var now = _time.GetUtcNow().UtcDateTime;
        var verdict = known.Judge(id, secret, now, out var key);
        if (verdict == KeyVerdict.Unknown)
            return LookAsync(context, rule, next);
        return EnterAsync(context, rule, verdict, key, now, next);
    }

    /// <summary>A key that was just created is in every shard, and perhaps not in this router yet.</summary>
    private async Task LookAsync(HttpContext context, AccessRule rule, RequestDelegate next)
    {
        var end = await _look.WaitAsync();
        if (end == KeyLookEnd.TooManyWait)
        {
            await RefuseAsync(context, AccessRefusal.TooManyWait, Problems.KeysNotKnown());
            return;
        }
        var now = _time.GetUtcNow().UtcDateTime;
        _ = ApiKeyText.TryParse(Bearer.Of(context.Request.Headers.Authorization), out var id, out var secret); // as before
        var verdict = _keys.Current!.Judge(id, secret, now, out var key);
        if (verdict == KeyVerdict.Unknown && end == KeyLookEnd.NobodyAnswers)
        {
            await RefuseAsync(context, AccessRefusal.KeysNotKnown, Problems.KeysNotKnown());
            return;
        }
        await EnterAsync(context, rule, verdict, key, now, next);
    }

    private Task EnterAsync(HttpContext context, AccessRule rule, KeyVerdict verdict, KnownKey? key, DateTime now, RequestDelegate next)
    {
        switch (verdict)
        {
            case KeyVerdict.Accepted:
                key!.Use.Now(now);
                return AdmitAsync(context, rule, key.Caller, next);
            case KeyVerdict.Expired:
                return RefuseAsync(context, AccessRefusal.ExpiredKey, Problems.Unauthenticated("The API key has expired."));
            case KeyVerdict.Revoked:
                return RefuseAsync(context, AccessRefusal.RevokedKey, Problems.Unauthenticated("The API key was revoked."));
            case KeyVerdict.WrongSecret: // in the words for an unknown id: nobody shall learn which ids there are
                return RefuseAsync(context, AccessRefusal.WrongSecret, Problems.Unauthenticated(NoSuchKey));
            default:
                return RefuseAsync(context, AccessRefusal.UnknownKey, Problems.Unauthenticated(NoSuchKey));
        }
    }

    private async Task JudgeTokenAsync(HttpContext context, AccessRule rule, RequestDelegate next)
    {
        if (!_tokens!.AreKeysKnown)
        {
            await RefuseAsync(context, AccessRefusal.KeysNotKnown, Problems.KeysNotKnown());
            return;
        }
        var (caller, refusal) = await _tokens.JudgeAsync(context);
        await (caller is not null ? AdmitAsync(context, rule, caller, next) : refusal switch
        {
            TokenRefusal.Expired => RefuseAsync(context, AccessRefusal.ExpiredToken, Problems.Unauthenticated("The token has expired.")),
            TokenRefusal.LacksClaim => RefuseAsync(
                context, AccessRefusal.TokenLacksClaim,
                Problems.Unauthenticated("The token lacks a claim that names its partitions, or has an unusable one.")),
            _ => RefuseAsync(
                context, AccessRefusal.InvalidToken, Problems.Unauthenticated("The token is not one that this service takes.")),
        });
    }

    private Task AdmitAsync(HttpContext context, AccessRule rule, Caller caller, RequestDelegate next)
    {
        if (!rule.IsMetBy(caller))
            return RefuseAsync(context, AccessRefusal.Scope, Problems.InsufficientScope(rule.Scopes, rule.IsAnyEnough));
        if (rule.CanReturnDocument && !caller.HasAll(AccessScope.ItemsRead)
            && Preferences.Has(context.Request.Headers, "return", "representation"))
            return RefuseAsync(context, AccessRefusal.Scope, Problems.InsufficientScope(AccessScope.ItemsRead, isAnyEnough: false));
        return caller.IsEverywhere || WhyOutside(context, rule, caller) is not (var refusal, var problem)
            ? PassAsync(context, caller, next)
            : RefuseAsync(context, refusal, problem);
    }

    /// <summary>Compares what the address names. The shards are not asked: a caller learns nothing of what is not for him.</summary>
    private static (AccessRefusal Refusal, Problem Problem)? WhyOutside(HttpContext context, AccessRule rule, Caller caller)
    {
        if (context.Request.RouteValues["collection"] is string collection && !caller.MayUseCollection(collection))
            return (
                AccessRefusal.Collection,
                rule.MakesCollection ? Problems.CollectionNotAllowed() : Problems.CollectionNotFound(collection));
        if (rule.Outside == Outside.IsToldByRoute || caller.MayUsePartition(ItemTarget.Of(context).PartitionKey))
            return null;
        return (AccessRefusal.Partition, rule.Outside == Outside.IsNotFound ? Problems.ItemNotFound() : Problems.PartitionNotAllowed());
    }

    private Task PassAsync(HttpContext context, Caller caller, RequestDelegate next)
    {
        context.Features.Set(caller);
        return _limits.AreOff ? next(context) : PassLimitsAsync(context, caller, next);
    }

    private async Task PassLimitsAsync(HttpContext context, Caller caller, RequestDelegate next)
    {
        var partition = context.Features.Get<ItemTarget>()?.PartitionKey;
        _limits.Admit(caller, partition, out var refusal)?.Tell(context.Response.Headers);
        if (refusal is null && !_limits.TryEnter(caller))
            refusal = _limits.TooManyAtOnce();
        if (refusal is not null)
        {
            Answer.Timing(context, "router", Stopwatch.GetTimestamp());
            await Answer.Problem(context, refusal);
            return;
        }
        try
        {
            await next(context);
        }
        finally
        {
            _limits.Leave(caller);
        }
    }

    private Task RefuseAsync(HttpContext context, AccessRefusal reason, Problem problem)
    {
        _metrics.Refused(reason);
        Answer.Timing(context, "router", Stopwatch.GetTimestamp());
        return Answer.Problem(context, problem);
    }

    [LoggerMessage(
        LogLevel.Warning,
        "SHARDING_AUTH=open: this router asks nobody for a key. Whoever reaches its port may read and write everything")]
    private static partial void LogOpen(ILogger logger);
}
