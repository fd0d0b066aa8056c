using Microsoft.IdentityModel.Protocols;
using Microsoft.IdentityModel.Protocols.OpenIdConnect;
using Microsoft.IdentityModel.Tokens;

namespace ShardRouter.Access.Tokens;

/// <summary>
/// The keys by which tokens are signed, from a file that is looked at every second, or from an address that is asked every five minutes
/// and when a token names a key that is not known. Keys that cannot be read change nothing: the last good ones stay.
/// </summary>
/// <remarks>
/// The file is read, and not only its time: a mounted secret is replaced by a link, and some file systems have coarse times.
/// </remarks>
internal sealed partial class JwksSource(TokenOptions options, TimeProvider time, ILogger<JwksSource> log)
    : BackgroundService, IConfigurationManager<OpenIdConnectConfiguration>
{
    private const int MaxBytes = 1024 * 1024;

    private static readonly TimeSpan LookInterval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan AddressInterval = TimeSpan.FromMinutes(5);

    /// <summary>Anybody can send tokens that name unknown keys.</summary>
    private static readonly TimeSpan AskedInterval = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);

    private readonly bool _isFile = !options.Keys.Contains("://", StringComparison.Ordinal);
    private volatile OpenIdConnectConfiguration? _current;
    private volatile bool _isAskedFor;
    private string? _text;
    private string? _complained;

    /// <summary>Whether any keys were read yet.</summary>
    public bool IsKnown => _current is not null;

    public Task<OpenIdConnectConfiguration> GetConfigurationAsync(CancellationToken cancel) =>
        Task.FromResult(_current ?? throw new InvalidOperationException("No keys for tokens were read yet."));

    public void RequestRefresh() => _isAskedFor = true;

    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        if (_isFile)
            await LookAsync(null, cancellationToken); // before the first request
        await base.StartAsync(cancellationToken);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var client = new HttpClient { Timeout = Limit, MaxResponseContentBufferSize = MaxBytes };
        using var timer = new PeriodicTimer(LookInterval, time);
        var lookedAt = long.MinValue;
        do
        {
            var wait = _isFile || _current is null ? TimeSpan.Zero : _isAskedFor ? AskedInterval : AddressInterval;
            if (lookedAt != long.MinValue && time.GetElapsedTime(lookedAt) < wait)
                continue;
            (lookedAt, _isAskedFor) = (time.GetTimestamp(), false);
            await LookAsync(client, stoppingToken);
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    private async Task LookAsync(HttpClient? client, CancellationToken stop)
    {
        try
        {
            var text = _isFile
                ? await File.ReadAllTextAsync(options.Keys, stop)
                : await client!.GetStringAsync(new Uri(options.Keys), stop);
            if (text == _text)
                return;
            var configuration = Read(text);
            (_text, _current, _complained) = (text, configuration, null);
            LogRead(configuration.SigningKeys.Count);
        }
        catch (Exception e) when (!stop.IsCancellationRequested)
        {
            if (_complained != e.Message)
                LogNotRead(_complained = e.Message);
        }
    }

    private OpenIdConnectConfiguration Read(string text)
    {
        var keys = new JsonWebKeySet(text).GetSigningKeys()
            .Where(key => key is RsaSecurityKey or ECDsaSecurityKey or X509SecurityKey).ToArray();
        if (keys.Length == 0)
            throw new FormatException("It has no RSA or EC key for signatures.");
        var configuration = new OpenIdConnectConfiguration { Issuer = options.Issuer };
        foreach (var key in keys)
            configuration.SigningKeys.Add(key);
        return configuration;
    }

    [LoggerMessage(LogLevel.Information, "{Keys} keys for tokens were read")]
    private partial void LogRead(int keys);

    [LoggerMessage(LogLevel.Error, "The keys for tokens (SHARDING_JWT_JWKS) cannot be read, the last good ones stay in use: {Reason}")]
    private partial void LogNotRead(string reason);
}
