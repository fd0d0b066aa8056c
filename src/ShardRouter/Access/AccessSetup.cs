using Microsoft.AspNetCore.Authentication.JwtBearer;
using Microsoft.Extensions.Options;
using ShardRouter.Access.Tokens;
using ShardRouter.Callers;
using ShardRouter.Rings;

namespace ShardRouter.Access;

/// <summary>What this folder is made of.</summary>
internal static class AccessSetup
{
    public static IServiceCollection AddAccess(this IServiceCollection services, AccessOptions options)
    {
        services.AddSingleton(options)
            .AddSingleton(provider => new KeyHolder(
                provider.GetRequiredService<RingHolder>(), provider.GetRequiredService<TimeProvider>(), isWanted: !options.IsOpen))
            .AddSingleton<KeyLook>().AddSingleton<AccessMetrics>().AddSingleton<AccessControl>()
            .AddHostedService<KeyUseReports>();
        return options is { IsOpen: false, Tokens: { } tokens } ? services.AddTokens(tokens) : services;
    }

    private static IServiceCollection AddTokens(this IServiceCollection services, TokenOptions tokens)
    {
        services.AddSingleton(tokens).AddSingleton<TokenCallers>()
            .AddSingleton<JwksSource>().AddHostedService(provider => provider.GetRequiredService<JwksSource>())
            .AddSingleton<IConfigureOptions<JwtBearerOptions>>(provider => new ConfigureNamedOptions<JwtBearerOptions>(
                JwtBearerDefaults.AuthenticationScheme,
                bearer => TokenCallers.Configure(bearer, tokens, provider.GetRequiredService<JwksSource>())));
        // Only what asks for it by name gets it. The framework would take the only scheme for the default one, and try it on every request.
        AppContext.SetSwitch("Microsoft.AspNetCore.Authentication.SuppressAutoDefaultScheme", true);
        services.AddAuthentication().AddJwtBearer();
        return services;
    }
}
