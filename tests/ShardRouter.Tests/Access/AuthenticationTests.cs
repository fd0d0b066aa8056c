using ShardCore.Access;
using TestCluster;

namespace ShardRouter.Tests.Access;

/// <summary>Who is let in, and what the others hear.</summary>
public sealed class AuthenticationTests(GuardedCluster guarded) : IClassFixture<GuardedCluster>
{
    private const string Route = "/v1/collections";

    private ApiClient Api => guarded.Router.Api;

    [Fact]
    public async Task Who_shows_nothing_is_told_what_to_show()
    {
        var reply = (await Api.GetAsync(Route)).ExpectProblem(401, "unauthenticated");

        Assert.Equal("Bearer", reply["WWW-Authenticate"]);
        Assert.Contains("Authorization: Bearer", reply.Json.GetProperty("detail").GetString(), StringComparison.Ordinal);
        Assert.False(reply.Json.GetProperty("retryable").GetBoolean());
        Assert.NotNull(reply["Server-Timing"]);
        Assert.Empty((await Api.SendAsync("HEAD", "/v1/collections/c/items/p/i", null)).Expect(401).Body);
    }

    [Theory]
    [InlineData("Basic dXNlcjpwYXNz")]
    [InlineData("Bearer")]
    [InlineData("Bearer ")]
    [InlineData("Bearer x")]
    [InlineData("Bearer shk_")]
    [InlineData("Bearer eyJhbGciOiJub25lIn0.e30.")]
    public async Task What_is_no_key_lets_nobody_in(string header) =>
        (await Api.GetAsync(Route, ("Authorization", header))).ExpectProblem(401, "unauthenticated");

    [Fact]
    public async Task A_key_is_taken_whatever_the_case_of_the_scheme_and_not_beside_another()
    {
        (await Api.GetAsync(Route, ("Authorization", "bEaReR   " + guarded.AdminKey))).Expect(200);
        (await Api.GetAsync(Route, ("Authorization", "Bearer " + guarded.AdminKey), ("Authorization", "Bearer x"))).ExpectProblem(401, "unauthenticated");
    }

    [Fact]
    public async Task A_typing_error_is_told_as_one()
    {
        var typed = guarded.AdminKey[..^1] + (guarded.AdminKey[^1] == 'x' ? 'y' : 'x');

        var reply = (await Api.GetAsync(Route, Showing(typed))).ExpectProblem(401, "unauthenticated");

        Assert.Contains("a character", reply.Json.GetProperty("detail").GetString(), StringComparison.Ordinal);
        Assert.Equal("Bearer error=\"invalid_token\"", reply["WWW-Authenticate"]);
    }

    [Fact]
    public async Task An_unknown_key_and_a_wrong_secret_hear_the_same()
    {
        var (unknown, _, _) = ApiKeyText.Create();
        var (right, key) = await guarded.Cluster.CreateKeyAsync();
        (await Api.GetAsync(Route, Showing(right))).Expect(200);
        var wrong = WithId(key.Id);

        var replies = new[] { await Api.GetAsync(Route, Showing(unknown)), await Api.GetAsync(Route, Showing(wrong)) };

        var details = replies.Select(reply => reply.ExpectProblem(401, "unauthenticated").Json.GetProperty("detail").GetString());
        Assert.Single(details.Distinct(StringComparer.Ordinal));
    }

    [Fact]
    public async Task How_a_key_ended_is_told_only_to_who_has_its_secret()
    {
        var (expired, expiredKey) = await guarded.Cluster.CreateKeyAsync(expires: DateTime.UtcNow.AddMinutes(-1));
        var (revoked, revokedKey) = await guarded.Cluster.CreateKeyAsync();
        await ApiKeyStore.MergeAsync(guarded.Cluster["s2"].Database.DataSource, [revokedKey with { RevokedAt = DateTime.UtcNow }], default);

        Assert.Equal("The API key has expired.", await RefusalAsync(expired));
        Assert.Equal("The API key was revoked.", await RefusalAsync(revoked));
        Assert.Equal("There is no such API key.", await RefusalAsync(WithId(expiredKey.Id)));
        Assert.Equal("There is no such API key.", await RefusalAsync(WithId(revokedKey.Id)));
    }

    [Fact]
    public async Task A_key_ends_at_its_moment_without_a_look_at_the_shards()
    {
        var (text, _) = await guarded.Cluster.CreateKeyAsync(expires: DateTime.UtcNow.AddSeconds(2));

        (await Api.GetAsync(Route, Showing(text))).Expect(200);
        await Eventually.ThatAsync(async () => (await Api.GetAsync(Route, Showing(text))).Status == 401, TimeSpan.FromSeconds(4), "the key has expired");
    }

    [Fact]
    public async Task A_new_key_works_at_once_on_every_router()
    {
        await using var other = await guarded.Cluster.StartRouterAsync(GuardedCluster.Guarded);
        for (var i = 0; i < 10; i++)
        {
            var (text, _) = await guarded.Cluster.CreateKeyAsync();
            foreach (var router in new[] { guarded.Router, other })
                (await router.Api.GetAsync(Route, Showing(text))).Expect(200);
        }
    }

    [Fact]
    public async Task Made_up_keys_cost_the_shards_no_more_than_a_few_looks_a_second()
    {
        var before = await guarded.Router.MetricAsync("sharding_access_refused_total", "UnknownKey");
        var clock = System.Diagnostics.Stopwatch.StartNew();

        var replies = await Task.WhenAll(Enumerable.Range(0, 200).Select(_ => Api.GetAsync(Route, Showing(ApiKeyText.Create().Text))));

        Assert.All(replies, reply => reply.ExpectProblem(401, "unauthenticated"));
        Assert.Equal(before + 200, await guarded.Router.MetricAsync("sharding_access_refused_total", "UnknownKey"));
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(5), $"200 at once took {clock.Elapsed}.");
    }

    [Fact]
    public async Task The_description_is_public_and_what_there_is_not_is_told_to_everybody()
    {
        (await Api.GetAsync("/openapi/v1.json")).Expect(200);
        (await Api.GetAsync("/v1/nothing")).ExpectProblem(404, "route-not-found");
        (await Api.SendAsync("PATCH", Route, null)).ExpectProblem(405, "method-not-allowed");
    }

    [Fact]
    public async Task No_secret_comes_into_the_log_the_metrics_or_an_answer()
    {
        var (text, key) = await guarded.Cluster.CreateKeyAsync(["items:write"]);
        var token = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJwbGFudGVkIn0.";
        string[] shown = [text, WithId(key.Id), ApiKeyText.Create().Text, token, text[..^1] + "~"];
        var answers = new List<string>();
        foreach (var each in shown)
            foreach (var route in new[] { Route, "/v1/collections/c/items/p/i", "/v1:locate" })
                answers.Add((await Api.GetAsync(route, Showing(each))).Text);

        var seen = string.Join('\n', [guarded.Router.Output, await guarded.Router.MetricsAsync(), .. answers]);

        Assert.All(shown, each => Assert.DoesNotContain(each[^38..], seen, StringComparison.Ordinal));
        Assert.DoesNotContain("Authorization: Bearer shk", seen, StringComparison.Ordinal);
    }

    internal static (string, string) Showing(string bearer) => ("Authorization", "Bearer " + bearer);

    private async Task<string?> RefusalAsync(string text) =>
        (await Api.GetAsync(Route, Showing(text))).ExpectProblem(401, "unauthenticated").Json.GetProperty("detail").GetString();

    /// <summary>A well-formed key of this id with another secret, made by the documented form.</summary>
    private static string WithId(string id)
    {
        const string alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        var text = $"{ApiKeyText.Prefix}{id}_{ApiKeyText.Create().Text.Substring(21, 32)}";
        var (value, checksum) = (ZlibCrc32(text), "");
        for (var i = 0; i < 6; i++, value /= 62)
            checksum = alphabet[(int)(value % 62)] + checksum;
        return text + checksum;
    }

    private static uint ZlibCrc32(string text)
    {
        var crc = uint.MaxValue;
        foreach (var c in text)
        {
            crc ^= c;
            for (var bit = 0; bit < 8; bit++)
                crc = (crc & 1) == 0 ? crc >> 1 : (crc >> 1) ^ 0xEDB88320;
        }
        return ~crc;
    }
}
