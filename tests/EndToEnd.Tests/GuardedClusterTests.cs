using System.Net;
using TestCluster;

namespace EndToEnd.Tests;

/// <summary>A cluster as <c>./dev up</c> starts it without further words: it asks for API keys.</summary>
public sealed class GuardedDevCluster : DevCluster
{
    protected override IReadOnlyList<string> Options => ["--shards", "1", "--routers", "1"];
}

public sealed class GuardedClusterTests(GuardedDevCluster cluster) : IClassFixture<GuardedDevCluster>
{
    [Fact]
    public async Task The_key_that_up_made_is_asked_for_and_known_to_its_user_alone()
    {
        var status = await cluster.StatusAsync();
        var file = cluster.Greeting.Split("$(cat ")[1].Split(')')[0];

        Assert.Equal(status.ApiKey, (await File.ReadAllTextAsync(file)).Trim());
        Assert.Equal("600", (await Shell.RunAsync($"stat -c %a '{file}'")).Trim());
        Assert.DoesNotContain(status.ApiKey!, cluster.Greeting, StringComparison.Ordinal);
        using var nobody = new HttpClient { BaseAddress = cluster.Proxy };
        using var refused = await nobody.GetAsync(new Uri("/v1/collections", UriKind.Relative));
        Assert.Equal(HttpStatusCode.Unauthorized, refused.StatusCode);
        Assert.Contains("dev", await cluster.AdminAsync("keys", "list"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_printed_lines_work_as_they_are_printed()
    {
        RequiredProgram.Find("curl", "curl");
        var lines = cluster.Greeting.Split('\n').SkipWhile(line => !line.StartsWith("Try:", StringComparison.Ordinal)).Skip(1).TakeWhile(line => line.Length > 0).ToArray();
        Assert.Contains(lines, line => line.Contains("-H \"Authorization: Bearer $KEY\"", StringComparison.Ordinal));

        var output = await Shell.RunAsync(string.Join('\n', lines.Select(line => line.Replace("curl ", "curl -sS --fail-with-body ", StringComparison.Ordinal))));

        Assert.Contains("hello", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_cluster_that_runs_with_keys_does_not_become_open_by_a_word_and_a_second_up_keeps_its_key()
    {
        var key = (await cluster.StatusAsync()).ApiKey;

        var refused = await Assert.ThrowsAsync<InvalidOperationException>(() => cluster.DevAsync("up", "--open", "--detach", "--no-data", "--no-build"));
        await cluster.DevAsync("up", "--detach", "--no-data", "--no-build");

        Assert.Contains("asks for API keys", refused.Message, StringComparison.Ordinal);
        Assert.Equal(key, (await cluster.StatusAsync()).ApiKey);
        (await cluster.Client.GetAsync(new Uri("/v1/collections", UriKind.Relative))).EnsureSuccessStatusCode();
    }
}
