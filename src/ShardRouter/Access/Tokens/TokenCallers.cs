using System.Security.Claims;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.JwtBearer;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;
using ShardCore.Access;
using ShardRouter.Callers;

namespace ShardRouter.Access.Tokens;

/// <summary>Who sent a token, by the framework's own handler, and what its claims allow.</summary>
internal sealed class TokenCallers(TokenOptions options, JwksSource source)
{
    /// <summary>
    /// Signatures by a private key. With a shared secret, and with "none", whoever reads a configuration could make tokens.
    /// </summary>
    private static readonly string[] Algorithms =
    [
        SecurityAlgorithms.RsaSha256, SecurityAlgorithms.RsaSha384, SecurityAlgorithms.RsaSha512,
        SecurityAlgorithms.EcdsaSha256, SecurityAlgorithms.EcdsaSha384, SecurityAlgorithms.EcdsaSha512,
        SecurityAlgorithms.RsaSsaPssSha256, SecurityAlgorithms.RsaSsaPssSha384, SecurityAlgorithms.RsaSsaPssSha512,
    ];

    private static readonly string[] ScopeClaims = ["scope", "scp"];

    /// <summary>False: no token can be judged yet.</summary>
    public bool AreKeysKnown => source.IsKnown;

    public static void Configure(JwtBearerOptions bearer, TokenOptions options, JwksSource source)
    {
        bearer.ConfigurationManager = source;
        bearer.MapInboundClaims = false;
        bearer.SaveToken = false;
        bearer.TokenValidationParameters = ParametersOf(options);
    }

    /// <summary>Judges the token of a request.</summary>
    public async Task<(Caller? Caller, TokenRefusal Refusal)> JudgeAsync(HttpContext context)
    {
        var result = await context.AuthenticateAsync(JwtBearerDefaults.AuthenticationScheme);
        if (result.Principal is not { } token)
        {
            var isExpired = result.Failure is SecurityTokenExpiredException && await IsOursAsync(context);
            return (null, isExpired ? TokenRefusal.Expired : TokenRefusal.Invalid);
        }
        if (options.Partitions is not { } template)
            return (new Caller(ScopesOf(token), options.Collections, null, NameOf(token)), default);
        return template.Of(token) is { } pattern
            ? (new Caller(ScopesOf(token), options.Collections, [pattern], NameOf(token)), default)
            : (null, TokenRefusal.LacksClaim);
    }

    /// <summary>The handler says "expired" of tokens with a wrong signature too. Only who has a right one is told so.</summary>
    private async Task<bool> IsOursAsync(HttpContext context)
    {
        var parameters = ParametersOf(options);
        parameters.ValidateLifetime = false;
        parameters.IssuerSigningKeys = (await source.GetConfigurationAsync(context.RequestAborted)).SigningKeys;
        var token = Bearer.Of(context.Request.Headers.Authorization).ToString();
        return (await new JsonWebTokenHandler().ValidateTokenAsync(token, parameters)).IsValid;
    }

    private static TokenValidationParameters ParametersOf(TokenOptions options) => new()
    {
        ValidIssuer = options.Issuer,
        ValidAudience = options.Audience,
        ValidAlgorithms = Algorithms,
        ClockSkew = options.ClockSkew,
        RequireExpirationTime = true,
        RequireSignedTokens = true,
    };

    /// <summary>Limits are those of a subject, whichever token it shows.</summary>
    private static string NameOf(ClaimsPrincipal token) => "token " + (token.FindFirst("sub") ?? token.FindFirst("client_id"))?.Value;

    private static AccessScope ScopesOf(ClaimsPrincipal token) => AccessScopes.Parse(
        ScopeClaims.SelectMany(token.FindAll).SelectMany(claim => claim.Value.Split(' ', StringSplitOptions.RemoveEmptyEntries)));
}

internal enum TokenRefusal
{
    Invalid,
    Expired,
    LacksClaim,
}
