using System.Net;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Npgsql;
using TestCluster;

namespace EndToEnd.Tests;

/// <summary>A cluster as <c>./dev up --tls</c> starts it.</summary>
public sealed class TlsDevCluster : DevCluster
{
    protected override IReadOnlyList<string> Options => ["--tls", "--shards", "2", "--routers", "1"];

    protected override void RequirePrograms()
    {
        base.RequirePrograms();
        RequiredProgram.Find("openssl", "openssl");
        RequiredProgram.Find("curl", "curl");
    }
}

public sealed class TlsClusterTests(TlsDevCluster cluster) : IClassFixture<TlsDevCluster>
{
    private const string Host = "127.0.0.1";
    private const string Request = "GET /v1/collections HTTP/1.1\r\nHost: x\r\n\r\n";

    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(20);

    [Theory]
    [InlineData("2.0")]
    [InlineData("1.1")]
    public async Task The_proxy_speaks_both_versions_of_http(string version)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri("/v1/collections", UriKind.Relative))
        {
            Version = Version.Parse(version),
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };

        using var answer = await cluster.Client.SendAsync(request);

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal(Version.Parse(version), answer.Version);
    }

    [Fact]
    public async Task The_printed_lines_work_as_they_are_printed()
    {
        var lines = cluster.Greeting.Split('\n').SkipWhile(line => !line.StartsWith("Try:", StringComparison.Ordinal)).Skip(1).TakeWhile(line => line.Length > 0).ToArray();

        var output = await Shell.RunAsync(string.Join('\n', lines.Select(line => line.Replace("curl ", "curl -sS --fail-with-body ", StringComparison.Ordinal))));

        Assert.Contains("--cacert", lines[1], StringComparison.Ordinal);
        Assert.Contains("hello", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Nothing_answers_in_the_clear()
    {
        var status = await cluster.StatusAsync();
        var shard = status.Shards[0];

        Assert.False(await TlsProbe.AnswersPlainlyAsync(Host, cluster.Proxy.Port, Request));
        Assert.False(await TlsProbe.AnswersPlainlyAsync(Host, new Uri(status.Routers[0].Url).Port, Request));
        Assert.False(await TlsProbe.AnswersPlainlyAsync(Host, status.Redis.Port, "PING\r\n"));
        await using var plain = new NpgsqlConnection($"Host={Host};Port={shard.Port};Database={shard.Database};Username=sharding;SSL Mode=Disable;Pooling=false");
        var refused = await Assert.ThrowsAsync<PostgresException>(() => plain.OpenAsync());
        Assert.Equal(PostgresErrorCodes.InvalidAuthorizationSpecification, refused.SqlState);
    }

    [Fact]
    public async Task Who_knows_another_authority_turns_away_from_every_part()
    {
        using var other = new TestAuthority();
        foreach (var (part, port) in await PartsAsync())
            await Assert.ThrowsAsync<AuthenticationException>(() => TlsProbe.SerialOfAsync(Host, port, other.Policy, part == "postgres"));
    }

    [Theory]
    [InlineData("router", true, 200)]
    [InlineData("router", false, 503)] // another authority
    [InlineData("router.example", true, 503)]
    public async Task The_proxy_sends_requests_to_a_router_only_if_it_knows_its_certificate(string name, bool isOurs, int expected)
    {
        using var other = new TestAuthority();
        var status = await cluster.StatusAsync();
        await using var proxy = await SecondProxy.StartAsync(status.Routers[0], isOurs ? status.Ca! : other.CaFile, name);

        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(proxy.Url, "/v1/collections"));
        request.Headers.Authorization = cluster.Client.DefaultRequestHeaders.Authorization;
        using var answer = await cluster.Client.SendAsync(request);

        Assert.Equal(expected, (int)answer.StatusCode);
    }

    [Fact]
    public async Task Slots_move_over_tls()
    {
        await cluster.AdminAsync("move", "0-63", "--to", "s2", "--yes");

        var status = await cluster.StatusAsync();
        foreach (var shard in status.Shards)
        {
            await using var look = new NpgsqlConnection($"Host={Host};Port={shard.Port};Database={shard.Database};Username=sharding;Pooling=false");
            await look.OpenAsync();
            await using var count = new NpgsqlCommand(
                "select count(*) from pg_stat_ssl join pg_stat_activity using (pid) where client_addr is not null and not ssl", look);
            Assert.Equal(0L, await count.ExecuteScalarAsync());
        }
    }

    [Fact]
    public async Task New_certificates_are_shown_by_every_part_without_a_restart()
    {
        var before = await SerialsAsync();
        var processes = await ProcessesAsync();

        await cluster.DevAsync("tls", "renew");

        await Eventually.ThatAsync(async () => (await SerialsAsync()).Intersect(before, StringComparer.Ordinal).ToArray() is [], Soon, "every part shows a new certificate");
        Assert.Equal(processes, await ProcessesAsync());
        Assert.Equal(HttpStatusCode.OK, (await cluster.Client.GetAsync(new Uri("/v1/collections", UriKind.Relative))).StatusCode);
        Assert.Contains("2 shards", await cluster.AdminAsync("status"), StringComparison.Ordinal);
    }

    private async Task<string[]> SerialsAsync()
    {
        var policy = TestAuthority.PolicyOf(X509CertificateLoader.LoadCertificateFromFile((await cluster.StatusAsync()).Ca!));
        var serials = new List<string>();
        foreach (var (part, port) in await PartsAsync())
            serials.Add($"{part} {await TlsProbe.SerialOfAsync(Host, port, policy, part == "postgres")}");
        return [.. serials];
    }

    private async Task<IReadOnlyList<(string Part, int Port)>> PartsAsync()
    {
        var status = await cluster.StatusAsync();
        return
        [
            ("proxy", cluster.Proxy.Port), ("router", new Uri(status.Routers[0].Url).Port), ("redis", status.Redis.Port),
            .. status.Shards.Select(shard => ("postgres", shard.Port)),
        ];
    }

    private async Task<string> ProcessesAsync()
    {
        var status = await cluster.StatusAsync();
        return string.Join(' ', status.Routers.Select(router => router.Pid).Append(status.Redis.Pid).Concat(status.Shards.Select(shard => shard.Pid)));
    }
}
