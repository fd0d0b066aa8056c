using System.Net;
using System.Security.Authentication;
using TestCluster;

namespace ShardRouter.Tests.Tls;

/// <summary>TLS at the router's data port, between proxy and router.</summary>
public sealed class DataPortTests(SharedPostgres postgres, SharedRedis redis) : IAsyncLifetime
{
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(10);

    private readonly TestAuthority _authority = new();
    private SeededCluster _cluster = null!;
    private RouterProcess _router = null!;
    private (string Certificate, string Key) _files;

    public async ValueTask InitializeAsync()
    {
        _files = _authority.Issue("router", "127.0.0.1");
        _cluster = await SeededCluster.CreateAsync(postgres, redis, shards: 1);
        _router = await _cluster.StartRouterAsync(("SHARDING_TLS_CERT", _files.Certificate), ("SHARDING_TLS_KEY", _files.Key));
    }

    [Fact]
    public async Task It_serves_those_who_know_its_authority_and_the_operations_port_stays_plain()
    {
        using var client = new HttpClient(new SocketsHttpHandler { SslOptions = { CertificateChainPolicy = _authority.Policy } });

        using var answer = await client.GetAsync(new Uri($"https://127.0.0.1:{_router.Port}/v1/collections"));

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.True(await _router.MetricAsync("sharding_tls_certificate_expiry_seconds") > DateTimeOffset.UtcNow.ToUnixTimeSeconds());
    }

    [Fact]
    public async Task Who_speaks_no_tls_gets_no_answer()
    {
        Assert.False(await TlsProbe.AnswersPlainlyAsync("127.0.0.1", _router.Port, "GET /v1/collections HTTP/1.1\r\nHost: x\r\n\r\n"));
        Assert.Equal(200, (await _router.HealthAsync("ready")).Status);
    }

    [Fact]
    public async Task Who_knows_another_authority_turns_away()
    {
        using var other = new TestAuthority();

        await Assert.ThrowsAsync<AuthenticationException>(() => TlsProbe.SerialOfAsync("127.0.0.1", _router.Port, other.Policy));
        await TlsProbe.SerialOfAsync("127.0.0.1", _router.Port, _authority.Policy); // it was not for the probe's sake
    }

    [Fact]
    public async Task A_new_certificate_is_shown_without_a_restart_once_both_files_fit()
    {
        var before = await SerialAsync();
        var (certificate, key) = _authority.Make("router", "127.0.0.1");

        await File.WriteAllTextAsync(_files.Certificate, certificate);
        await Eventually.ThatAsync(() => _router.Output.Contains("the former certificate stays in use", StringComparison.Ordinal), Soon, "half of it is complained of");
        Assert.Equal(before, await SerialAsync());
        await File.WriteAllTextAsync(_files.Key, key);

        await Eventually.ThatAsync(async () => await SerialAsync() != before, Soon, "the new certificate is shown");
        Assert.False(_router.HasExited);
    }

    [Theory]
    [InlineData("SHARDING_TLS_KEY", "", "SHARDING_TLS_CERT is set without SHARDING_TLS_KEY")]
    [InlineData("SHARDING_TLS_CERT", "/nowhere/router.crt", "SHARDING_TLS_CERT and SHARDING_TLS_KEY cannot be used")]
    [InlineData("PGSSLROOTCERT", "/nowhere/ca.pem", "PGSSLROOTCERT is '/nowhere/ca.pem'; there is no such file")]
    [InlineData("PGSSLMODE", "verify", "PGSSLMODE is 'verify'; it must be one of disable, allow, prefer, require, verify-ca, verify-full")]
    public async Task What_cannot_be_used_stops_the_start_and_is_named(string variable, string value, string message)
    {
        var refused = await Assert.ThrowsAsync<InvalidOperationException>(() => _cluster.StartUnreadyRouterAsync(
            ("SHARDING_TLS_CERT", _files.Certificate), ("SHARDING_TLS_KEY", _files.Key), (variable, value)));

        Assert.Contains("ended with 2", refused.Message, StringComparison.Ordinal);
        Assert.Contains(message, refused.Message, StringComparison.Ordinal);
    }

    private Task<string> SerialAsync() => TlsProbe.SerialOfAsync("127.0.0.1", _router.Port, _authority.Policy);

    public async ValueTask DisposeAsync()
    {
        await _router.DisposeAsync();
        await _cluster.DisposeAsync();
        _authority.Dispose();
    }
}
