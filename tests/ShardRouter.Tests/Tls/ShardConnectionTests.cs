using TestCluster;

namespace ShardRouter.Tests.Tls;

/// <summary>TLS between router and Postgres, and a password from a file. The server takes no connection without TLS.</summary>
public sealed class ShardConnectionTests(SharedRedis redis) : IAsyncLifetime
{
    private const string Collections = "/v1/collections";
    private const string User = "app";

    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(20);

    private readonly TestAuthority _authority = new();
    private readonly List<IAsyncDisposable> _started = [];

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    [Fact]
    public async Task A_router_that_knows_the_authority_uses_tls_for_every_session()
    {
        var (server, cluster) = await StartAsync();
        var router = Started(await cluster.StartRouterAsync(("PGSSLROOTCERT", _authority.CaFile)));

        await ApiCollection.CreateAsync(router.Api);

        Assert.True(await server.ScalarAsync<long>(Sessions + " and ssl") > 0);
        Assert.Equal(0, await server.ScalarAsync<long>(Sessions + " and not ssl"));
    }

    [Theory]
    [InlineData("another authority")]
    [InlineData("another host")]
    [InlineData("no TLS")]
    public async Task A_router_refuses_what_it_does_not_know_and_is_refused_without_tls(string what)
    {
        using var other = new TestAuthority();
        var (server, cluster) = await StartAsync(what == "another host" ? "shard.example" : "127.0.0.1");
        var router = Started(await cluster.StartRouterAsync(
            what == "no TLS" ? ("PGSSLMODE", "disable") : ("PGSSLROOTCERT", what == "another host" ? _authority.CaFile : other.CaFile)));

        var answer = await router.Api.PutAsync(Collections + "/things", "{}");

        Assert.Equal(503, answer.Status);
        Assert.Equal(0, await server.ScalarAsync<long>(Sessions));
    }

    [Fact]
    public async Task Another_authority_in_the_file_counts_without_a_restart()
    {
        using var other = new TestAuthority();
        var (_, cluster) = await StartAsync();
        var file = _authority.PathOf("roots.pem");
        await File.WriteAllTextAsync(file, other.Pem);
        var router = Started(await cluster.StartRouterAsync(("PGSSLROOTCERT", file)));
        Assert.Equal(503, (await router.Api.GetAsync(Collections)).Status);

        await File.WriteAllTextAsync(file, other.Pem + "\n" + _authority.Pem); // as while one takes the other's place

        await AnswersAsync(router, 200);
    }

    [Fact]
    public async Task Another_password_in_the_file_counts_without_a_restart()
    {
        var (server, cluster) = await StartAsync("127.0.0.1", $"hostssl all {User} all scram-sha-256");
        await server.ExecuteAsync($"create role {User} superuser login password 'first'");
        var file = await PasswordAsync("first");
        var router = Started(await cluster.StartRouterAsync(("PGSSLROOTCERT", _authority.CaFile), ("PGUSER", User), ("PGPASSFILE", file)));
        await AnswersAsync(router, 200);

        await server.ExecuteAsync($"alter role {User} password 'second'");
        await server.ExecuteAsync($"select pg_terminate_backend(pid) from pg_stat_activity where usename = '{User}'");
        await AnswersAsync(router, 503);
        await PasswordAsync("second");

        await AnswersAsync(router, 200);
        Assert.DoesNotContain("second", router.Output, StringComparison.Ordinal);
    }

    private static string Sessions => "select count(*) from pg_stat_ssl join pg_stat_activity using (pid) where application_name like 'router %'";

    private static Task AnswersAsync(RouterProcess router, int status) => Eventually.ThatAsync(
        async () => (await router.Api.GetAsync(Collections)).Status == status, Soon, $"the router answers {status}");

    private async Task<string> PasswordAsync(string password)
    {
        var file = _authority.PathOf("pgpass");
        await File.WriteAllTextAsync(file, $"*:*:*:{User}:{password}\n");
        return file;
    }

    private async Task<(PostgresServer Server, SeededCluster Cluster)> StartAsync(string certificateHost = "127.0.0.1", params string[] rules)
    {
        var server = Started(await TlsPostgres.StartAsync(_authority, certificateHost, rules));
        return (server, Started(await SeededCluster.CreateAsync([await server.CreateDatabaseAsync()], await redis.ServerAsync())));
    }

    private T Started<T>(T part)
        where T : IAsyncDisposable
    {
        _started.Add(part);
        return part;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var each in Enumerable.Reverse(_started))
            await each.DisposeAsync();
        _authority.Dispose();
    }
}
