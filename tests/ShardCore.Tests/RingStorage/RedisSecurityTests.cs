using System.Globalization;
using System.Net;
using ShardCore.RingStorage;
using TestCluster;

namespace ShardCore.Tests.RingStorage;

/// <summary>Redis with a user, a password and TLS: all by the connection string, secrets by files that it names.</summary>
public sealed class RedisSecurityTests : IAsyncLifetime
{
    private const string Password = "correct-horse";

    private readonly TestAuthority _authority = new();
    private RedisServer _server = null!;
    private string _administrator = "";

    public async ValueTask InitializeAsync() => _server = await RedisServer.StartNewAsync(persistent: false);

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
    public async Task A_server_that_speaks_tls_is_believed_only_with_a_certificate_of_an_issuer_in_the_file()
    {
        using var other = new TestAuthority();
        var port = await SpeakTlsAsync("127.0.0.1");
        var file = _authority.PathOf("roots.pem");
        await File.WriteAllTextAsync(file, other.Pem);
        await using var redis = await RedisConnection.OpenAsync($"127.0.0.1:{port},caFile={file}");
        await Assert.ThrowsAsync<RedisUnavailableException>(() => redis.CallAsync(database => database.PingAsync(), default));

        await File.WriteAllTextAsync(file, other.Pem + "\n" + _authority.Pem);

        await WorksAsync(redis, "the file is read again");
    }

    [Theory]
    [InlineData("localhost:{0},ssl=true", "localhost", false)] // the system does not know our authority
    [InlineData("localhost:{0},caFile={1}", "localhost", true)]
    [InlineData("localhost:{0},caFile={1}", "redis.example", false)]
    [InlineData("localhost:{0}", "localhost", false)] // no TLS
    [InlineData("localhost:{2},caFile={1}", "localhost", false)] // TLS, and the server speaks none there
    public async Task Nobody_talks_in_the_clear_or_to_a_stranger(string address, string certificateHost, bool works)
    {
        var port = await SpeakTlsAsync(certificateHost);
        await using var redis = await RedisConnection.OpenAsync(
            string.Format(CultureInfo.InvariantCulture, address, port, _authority.CaFile, _server.Port), TimeSpan.FromSeconds(5));

        var ping = redis.CallAsync(database => database.PingAsync(), default);

        if (works)
            await ping;
        else
            await Assert.ThrowsAsync<RedisUnavailableException>(() => ping);
    }

    [Fact]
    public async Task A_new_password_in_the_file_counts_without_a_restart()
    {
        var file = _authority.PathOf("password");
        await File.WriteAllTextAsync(file, Password + "\n");
        await DoAsync("ACL", "SETUSER", "router", "on", ">" + Password, "~*", "&*", "+@all");
        await DoAsync("ACL", "SETUSER", "administrator", "on", ">" + Password, "~*", "&*", "+@all");
        _administrator = ",user=administrator,password=" + Password;
        await DoAsync("ACL", "SETUSER", "default", "off"); // or who is refused would be that one
        await using var redis = await RedisConnection.OpenAsync($"{_server.Endpoint},user=router,passwordFile={file}", TimeSpan.FromSeconds(5));
        await redis.CallAsync(database => database.PingAsync(), default);

        await DoAsync("ACL", "SETUSER", "router", "<" + Password, ">battery-staple");
        await EndSessionsAsync("router");
        await Eventually.ThatAsync(() => FailsAsync(redis), TimeSpan.FromSeconds(20), "the former password is refused");
        await File.WriteAllTextAsync(file, "battery-staple\n");

        await WorksAsync(redis, "the file is read again");
    }

    [Theory]
    [InlineData("localhost:6379", true)]
    [InlineData("[::1]:6379", true)]
    [InlineData("one:6379,two:6379,user=u,password=p,ssl=true", true)]
    [InlineData("localhost", false)]
    [InlineData("localhost:0", false)]
    [InlineData("localhost:6379,pasword=p", false)]
    [InlineData("localhost:6379,passwordFile=/nowhere/password", false)]
    [InlineData("localhost:6379,caFile=/nowhere/ca.pem", false)]
    [InlineData("password=p", false)]
    [InlineData("", false)]
    public void An_address_has_a_port_and_only_words_that_the_client_knows(string text, bool isValid) => Assert.Equal(isValid, RedisAddress.IsValid(text));

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        _authority.Dispose();
    }

    private async Task DoAsync(string command, params object[] arguments)
    {
        await using var redis = await RedisConnection.OpenAsync(_server.Endpoint + _administrator, TimeSpan.FromSeconds(5));
        Assert.Equal("OK", (string?)await redis.CallAsync(database => database.ExecuteAsync(command, arguments), default));
    }

    private async Task EndSessionsAsync(string user)
    {
        await using var redis = await RedisConnection.OpenAsync(_server.Endpoint + _administrator, TimeSpan.FromSeconds(5));
        Assert.True((long)await redis.CallAsync(database => database.ExecuteAsync("CLIENT", "KILL", "USER", user), default) > 0);
    }

    private static Task WorksAsync(RedisConnection redis, string what) =>
        Eventually.ThatAsync(async () => await redis.CallAsync(database => database.PingAsync(), default) > TimeSpan.Zero, TimeSpan.FromSeconds(20), what);

    private static async Task<bool> FailsAsync(RedisConnection redis)
    {
        try
        {
            await redis.CallAsync(database => database.PingAsync(), default);
            return false;
        }
        catch (RedisUnavailableException)
        {
            return true;
        }
    }

    /// <returns>The port.</returns>
    private async Task<int> SpeakTlsAsync(string certificateHost)
    {
        var port = FreePort.Next(IPAddress.Loopback);
        var (certificate, key) = _authority.Issue("redis", certificateHost);
        await DoAsync("CONFIG", "SET", "tls-cert-file", certificate, "tls-key-file", key, "tls-auth-clients", "no", "tls-port", $"{port}");
        return port;
    }
}
