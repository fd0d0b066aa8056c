using ShardCore.Access;
using ShardRouter.Access.Tokens;
using ShardRouter.Callers;

namespace ShardRouter.Access;

/// <summary>What the audit log says of a caller: never more than the public id of a key.</summary>
internal static class CallerName
{
    public static string Of(HttpContext context)
    {
        if (ReferenceEquals(Caller.Of(context), Caller.Anybody))
            return "anybody"; // whatever the request shows was not looked at
        return ApiKeyText.TryParse(Bearer.Of(context.Request.Headers.Authorization), out var id, out _) ? $"API key {id}" : "a token";
    }
}
