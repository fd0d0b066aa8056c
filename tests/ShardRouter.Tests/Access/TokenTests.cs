using System.Net;
using System.Text;
using TestCluster;
using static ShardRouter.Tests.Access.AuthenticationTests;

namespace ShardRouter.Tests.Access;

/// <summary>A router that takes tokens whose partitions are those of their tenant, with the keys in a file.</summary>
public sealed class TokenCluster(SharedPostgres postgres, SharedRedis redis) : IAsyncLifetime
{
    private readonly string _folder = TemporaryFolder.NewPath("jwks");

    public SeededCluster Cluster { get; private set; } = null!;

    public RouterProcess Router { get; private set; } = null!;

    public ApiClient Admin { get; private set; } = null!;

    public ApiCollection Items { get; private set; } = null!;

    public string KeyFile => Path.Combine(_folder, "jwks.json");

    internal TokenMaker Rsa { get; } = TokenMaker.Rsa();

    internal TokenMaker Ec { get; } = TokenMaker.Ec();

    public async ValueTask InitializeAsync()
    {
        Directory.CreateDirectory(_folder);
        await File.WriteAllTextAsync(KeyFile, TokenMaker.Jwks(Rsa, Ec));
        Cluster = await SeededCluster.CreateAsync(postgres, redis, shards: 2);
        Router = await Cluster.StartRouterAsync(Settings(KeyFile));
        Admin = Router.As((await Cluster.CreateKeyAsync()).Text);
        Items = await ApiCollection.CreateAsync(Admin);
        foreach (var pk in new[] { "t1:a", "t2:a" })
            (await Items.PutAsync(pk, "i", "{}")).Expect(201);
    }

    public static (string, string)[] Settings(string keys) =>
    [
        GuardedCluster.Guarded, ("SHARDING_JWT_ISSUER", TokenMaker.Issuer), ("SHARDING_JWT_AUDIENCE", TokenMaker.Audience),
        ("SHARDING_JWT_JWKS", keys), ("SHARDING_JWT_CLOCK_SKEW", "2"), ("SHARDING_JWT_PARTITIONS", "{tenant}:*"),
    ];

    public async ValueTask DisposeAsync()
    {
        Admin.Dispose();
        Rsa.Dispose();
        Ec.Dispose();
        await Router.DisposeAsync();
        await Cluster.DisposeAsync();
        TemporaryFolder.Remove(_folder);
    }
}

/// <summary>Which tokens let in, and for what.</summary>
public sealed class TokenTests(TokenCluster tokens) : IClassFixture<TokenCluster>
{
    [Fact]
    public async Task A_token_of_either_kind_of_key_lets_in_for_its_scopes()
    {
        string[] good =
        [
            tokens.Rsa.Token(TokenMaker.Claims()), tokens.Ec.Token(TokenMaker.Claims()),
            tokens.Rsa.Token(TokenMaker.Claims(), "PS256"), tokens.Rsa.Token(TokenMaker.Claims(), "RS512"),
        ];
        foreach (var token in good)
        {
            (await ReadAsync(token)).Expect(200);
            (await WriteAsync(token)).Expect(200);
        }
        (await WriteAsync(tokens.Rsa.Token(TokenMaker.Claims("items:read openid profile")))).ExpectProblem(403, "insufficient-scope");
        (await ReadAsync(tokens.Rsa.Token(TokenMaker.Claims("items:write")))).ExpectProblem(403, "insufficient-scope");
    }

    [Fact]
    public async Task Scopes_are_read_from_scp_as_well_as_one_text_or_as_a_list()
    {
        foreach (var scp in new object[] { "items:read items:write", new[] { "items:read", "items:write" } })
        {
            var claims = TokenMaker.Claims();
            claims.Remove("scope");
            claims["scp"] = scp;
            (await ReadAsync(tokens.Rsa.Token(claims))).Expect(200);
            (await WriteAsync(tokens.Rsa.Token(claims))).Expect(200);
        }
    }

    [Fact]
    public async Task A_tenant_reaches_his_partitions_and_no_others()
    {
        var token = tokens.Rsa.Token(TokenMaker.Claims(tenant: "t1"));

        (await tokens.Router.Api.GetAsync(tokens.Items.AddressOf("t2:a", "i"), Showing(token))).ExpectProblem(404, "item-not-found");
        (await tokens.Router.Api.PutAsync(tokens.Items.AddressOf("t2:a", "i"), "{}", Showing(token))).ExpectProblem(403, "partition-not-allowed");
        Assert.Equal(0, (await tokens.Router.Api.GetAsync(tokens.Items.AddressOf("t2:a"), Showing(token))).Expect(200).Json.GetProperty("items").GetArrayLength());
        var batch = (await tokens.Router.Api.PostAsync(tokens.Items.Address + ":batchGet", """{"keys":[{"pk":"t1:a","id":"i"},{"pk":"t2:a","id":"i"}]}""", Showing(token))).Expect(207);
        Assert.Equal([200, 404], batch.Json.GetProperty("results").EnumerateArray().Select(result => result.GetProperty("status").GetInt32()));
        (await tokens.Router.Api.PostAsync("/v1:locate", """{"pk":"t2:a"}""", Showing(token))).ExpectProblem(403, "partition-not-allowed");
    }

    public static TheoryData<string> Forgeries => ["issuer", "audience", "no audience", "signature", "other key", "none", "public key as secret", "cut", "no expiry", "not yet", "other algorithm"];

    [Theory]
    [MemberData(nameof(Forgeries))]
    public async Task A_token_that_is_not_for_this_service_lets_nobody_in(string forgery)
    {
        var claims = TokenMaker.Claims();
        switch (forgery)
        {
            case "issuer": claims["iss"] = "https://login.example.evil"; break;
            case "audience": claims["aud"] = "other"; break;
            case "no audience": claims.Remove("aud"); break;
            case "no expiry": claims.Remove("exp"); break;
            case "not yet": claims["nbf"] = DateTimeOffset.UtcNow.AddMinutes(1).ToUnixTimeSeconds(); break;
        }
        using var other = TokenMaker.Rsa();
        var good = tokens.Rsa.Token(claims);
        var token = forgery switch
        {
            "signature" => good[..^8] + (good[^8] == 'A' ? 'B' : 'A') + good[^7..],
            "other key" => other.Token(claims),
            "none" => TokenMaker.Unsigned(claims),
            "public key as secret" => tokens.Rsa.TokenSignedWithThePublicKey(claims),
            "cut" => good[..good.LastIndexOf('.')],
            "other algorithm" => tokens.Rsa.Token(claims, "RS1"),
            _ => good,
        };

        var reply = (await ReadAsync(token)).ExpectProblem(401, "unauthenticated");

        Assert.Equal("Bearer error=\"invalid_token\"", reply["WWW-Authenticate"]);
        Assert.DoesNotContain("expired", reply.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("IDX", reply.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_expired_token_is_told_so_only_if_its_signature_is_right()
    {
        var claims = TokenMaker.Claims(lives: TimeSpan.FromMinutes(-1));
        using var other = TokenMaker.Rsa();

        Assert.Contains("The token has expired.", (await ReadAsync(tokens.Rsa.Token(claims))).ExpectProblem(401, "unauthenticated").Text, StringComparison.Ordinal);
        Assert.DoesNotContain("expired", (await ReadAsync(other.Token(claims))).ExpectProblem(401, "unauthenticated").Text, StringComparison.Ordinal);
        (await ReadAsync(tokens.Rsa.Token(TokenMaker.Claims(lives: TimeSpan.FromSeconds(-1))))).Expect(200); // within the skew of 2 s
    }

    [Theory]
    [InlineData("")]
    [InlineData("*")]
    [InlineData("t1:a")] // would be a tenant whose partitions belong to t1 too
    [InlineData("t*")]
    public async Task A_claim_that_would_widen_or_share_the_partitions_lets_nobody_in(string tenant) =>
        (await ReadAsync(tokens.Rsa.Token(TokenMaker.Claims(tenant: tenant)))).ExpectProblem(401, "unauthenticated");

    [Fact]
    public async Task A_token_without_the_claim_or_with_two_lets_nobody_in()
    {
        var none = TokenMaker.Claims();
        none.Remove("tenant");
        var two = TokenMaker.Claims();
        two["tenant"] = new[] { "t1", "t2" };

        (await ReadAsync(tokens.Rsa.Token(none))).ExpectProblem(401, "unauthenticated");
        (await ReadAsync(tokens.Rsa.Token(two))).ExpectProblem(401, "unauthenticated");
    }

    [Fact]
    public async Task Keys_are_rotated_in_the_file_and_a_broken_file_changes_nothing()
    {
        using var next = TokenMaker.Ec();
        var (old, now) = (tokens.Rsa.Token(TokenMaker.Claims()), next.Token(TokenMaker.Claims()));
        (await ReadAsync(now)).Expect(401);
        try
        {
            await ReplaceAsync(TokenMaker.Jwks(next, tokens.Rsa, tokens.Ec));
            await BecomesAsync(now, 200);
            (await ReadAsync(old)).Expect(200);
            await ReplaceAsync(TokenMaker.Jwks(next));
            await BecomesAsync(old, 401);
            (await ReadAsync(now)).Expect(200);
            await ReplaceAsync("{broken");
            await Eventually.ThatAsync(() => Task.FromResult(tokens.Router.Output.Contains("SHARDING_JWT_JWKS", StringComparison.Ordinal)), TimeSpan.FromSeconds(10), "the router complains");
            (await ReadAsync(now)).Expect(200);
        }
        finally
        {
            await ReplaceAsync(TokenMaker.Jwks(tokens.Rsa, tokens.Ec));
            await BecomesAsync(old, 200);
        }
    }

    [Fact]
    public async Task Keys_come_from_an_address_as_well_and_a_new_one_is_asked_for_when_a_token_names_it()
    {
        using var next = TokenMaker.Rsa();
        await using var provider = new Provider(TokenMaker.Jwks(tokens.Rsa));
        await using var router = await tokens.Cluster.StartRouterAsync(TokenCluster.Settings(provider.Address));
        var (old, now) = (tokens.Rsa.Token(TokenMaker.Claims()), next.Token(TokenMaker.Claims()));
        await Eventually.ThatAsync(async () => (await ReadAsync(old, router)).Status == 200, TimeSpan.FromSeconds(10), "the keys were read");

        provider.Keys = TokenMaker.Jwks(tokens.Rsa, next);

        await Eventually.ThatAsync(async () => (await ReadAsync(now, router)).Status == 200, TimeSpan.FromSeconds(30), "the new key was read");
    }

    [Fact]
    public async Task While_no_keys_could_be_read_tokens_are_told_to_wait_and_API_keys_work()
    {
        var missing = Path.Combine(Path.GetDirectoryName(tokens.KeyFile)!, "missing.json");
        await using var router = await tokens.Cluster.StartRouterAsync(TokenCluster.Settings(missing));

        (await ReadAsync(tokens.Rsa.Token(TokenMaker.Claims()), router)).ExpectProblem(503, "keys-unavailable");
        (await router.Api.GetAsync("/v1/collections", Showing((await tokens.Cluster.CreateKeyAsync()).Text))).Expect(200);
    }

    [Fact]
    public async Task No_token_comes_into_the_log_or_the_metrics()
    {
        var good = tokens.Rsa.Token(TokenMaker.Claims());
        var bad = good[..^8] + (good[^8] == 'A' ? 'B' : 'A') + good[^7..];
        (await ReadAsync(good)).Expect(200);
        (await ReadAsync(bad)).Expect(401);

        var seen = tokens.Router.Output + await tokens.Router.MetricsAsync();

        foreach (var part in good.Split('.').Concat(bad.Split('.')))
            Assert.DoesNotContain(part, seen, StringComparison.Ordinal);
    }

    private Task<ApiReply> ReadAsync(string token, RouterProcess? router = null) =>
        (router ?? tokens.Router).Api.GetAsync(tokens.Items.AddressOf("t1:a", "i"), Showing(token));

    private Task<ApiReply> WriteAsync(string token) => tokens.Router.Api.PutAsync(tokens.Items.AddressOf("t1:a", "i"), "{}", Showing(token));

    private Task BecomesAsync(string token, int status) =>
        Eventually.ThatAsync(async () => (await ReadAsync(token)).Status == status, TimeSpan.FromSeconds(10), $"the token is answered with {status}");

    /// <summary>As programs replace a file that others read.</summary>
    private async Task ReplaceAsync(string text)
    {
        await File.WriteAllTextAsync(tokens.KeyFile + ".new", text);
        File.Move(tokens.KeyFile + ".new", tokens.KeyFile, overwrite: true);
    }

    /// <summary>Answers every request with the keys.</summary>
    private sealed class Provider : IAsyncDisposable
    {
        private readonly HttpListener _listener = new();
        private readonly Task _answering;

        public Provider(string keys)
        {
            (Keys, Address) = (keys, $"http://127.0.0.1:{FreePort.Next()}/");
            _listener.Prefixes.Add(Address);
            _listener.Start();
            _answering = AnswerAsync();
        }

        public string Keys { get; set; }

        public string Address { get; }

        public async ValueTask DisposeAsync()
        {
            _listener.Close();
            await _answering.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        private async Task AnswerAsync()
        {
            while (true)
            {
                var context = await _listener.GetContextAsync();
                await context.Response.OutputStream.WriteAsync(Encoding.UTF8.GetBytes(Keys));
                context.Response.Close();
            }
        }
    }
}
