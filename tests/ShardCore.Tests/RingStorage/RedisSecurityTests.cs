using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using ShardCore.RingStorage;
using TestCluster;

namespace ShardCore.Tests.RingStorage;

/// <summary>Redis with a user, a password and TLS: all by the connection string.</summary>
public sealed class RedisSecurityTests : IAsyncLifetime
{
    private const string Password = "correct-horse";

    private readonly string _folder = TemporaryFolder.NewPath("redis-tls");
    private RedisServer _server = null!;

    public async ValueTask InitializeAsync()
    {
        Directory.CreateDirectory(_folder);
        _server = await RedisServer.StartNewAsync(persistent: false);
    }

    [Fact]
    public async Task A_user_and_a_password_are_used_and_never_told()
    {
        await DoAsync("ACL", "SETUSER", "router", "on", ">" + Password, "~*", "&*", "+@all");
        await DoAsync("ACL", "SETUSER", "default", "off");

        await using var right = await RedisConnection.OpenAsync($"{_server.Endpoint},user=router,password={Password}");
        await using var wrong = await RedisConnection.OpenAsync($"{_server.Endpoint},user=router,password=battery-staple");

        Assert.True(await right.CallAsync(database => database.StringSetAsync("key", "kept"), default));
        Assert.Equal(_server.Endpoint, right.Endpoint);
        var refused = await Assert.ThrowsAsync<RedisUnavailableException>(() => wrong.CallAsync(database => database.StringGetAsync("key"), default));
        Assert.StartsWith($"Redis at {_server.Endpoint} refuses this user and password: ", refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("battery-staple", refused.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_that_speaks_tls_is_believed_only_with_a_certificate_of_a_known_issuer()
    {
        var port = FreePort.Next(IPAddress.Loopback);
        var (certificate, key) = MakeCertificate();
        await DoAsync("CONFIG", "SET", "tls-cert-file", certificate, "tls-key-file", key, "tls-auth-clients", "no", "tls-port", $"{port}");
        var address = $"localhost:{port},ssl=true";

        await using (var stranger = await RedisConnection.OpenAsync(address))
            await Assert.ThrowsAsync<RedisUnavailableException>(() => stranger.CallAsync(database => database.PingAsync(), default));

        Environment.SetEnvironmentVariable("SERedis_IssuerCertPath", certificate);
        try
        {
            await using var redis = await RedisConnection.OpenAsync(address, TimeSpan.FromSeconds(5));
            Assert.True(await redis.CallAsync(database => database.StringSetAsync("key", "kept"), default));
        }
        finally
        {
            Environment.SetEnvironmentVariable("SERedis_IssuerCertPath", null);
        }
    }

    [Theory]
    [InlineData("localhost:6379", true)]
    [InlineData("[::1]:6379", true)]
    [InlineData("one:6379,two:6379,user=u,password=p,ssl=true", true)]
    [InlineData("localhost", false)]
    [InlineData("localhost:0", false)]
    [InlineData("localhost:6379,pasword=p", false)]
    [InlineData("password=p", false)]
    [InlineData("", false)]
    public void An_address_has_a_port_and_only_words_that_the_client_knows(string text, bool isValid) => Assert.Equal(isValid, RedisAddress.IsValid(text));

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        TemporaryFolder.Remove(_folder);
    }

    private async Task DoAsync(string command, params object[] arguments)
    {
        await using var redis = await RedisConnection.OpenAsync(_server.Endpoint, TimeSpan.FromSeconds(5));
        Assert.Equal("OK", (string?)await redis.CallAsync(database => database.ExecuteAsync(command, arguments), default));
    }

    /// <returns>Paths of one for localhost, its own issuer, and of its key.</returns>
    private (string Certificate, string Key) MakeCertificate()
    {
        using var pair = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=localhost", pair, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, hasPathLengthConstraint: false, 0, critical: true));
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("localhost");
        request.CertificateExtensions.Add(names.Build());
        using var certificate = request.CreateSelfSigned(TimeProvider.System.GetUtcNow().AddDays(-1), TimeProvider.System.GetUtcNow().AddDays(1));
        var (path, key) = (Path.Combine(_folder, "server.pem"), Path.Combine(_folder, "server.key"));
        File.WriteAllText(path, certificate.ExportCertificatePem());
        File.WriteAllText(key, pair.ExportPkcs8PrivateKeyPem());
        return (path, key);
    }
}
