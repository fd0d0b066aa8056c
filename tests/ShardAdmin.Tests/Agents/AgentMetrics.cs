using System.Globalization;
using ShardAdmin.Failures;
using TestCluster;

namespace ShardAdmin.Tests.Agents;

/// <summary>An agent with <c>--metrics</c>, as a process of its own, and what it shows there.</summary>
internal sealed class AgentMetrics : IAsyncDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    private readonly ApiClient _client;

    private AgentMetrics(ChildProcess agent, int port)
    {
        Agent = agent;
        _client = new ApiClient(new Uri(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}")));
    }

    public ChildProcess Agent { get; }

    public static async Task<AgentMetrics> StartAsync(AdminCluster cluster, params string[] further)
    {
        var port = FreePort.Next();
        var agent = AdminChild.Start(cluster, ["agent", "--interval", "500ms", "--metrics", port.ToString(CultureInfo.InvariantCulture), .. further]);
        var metrics = new AgentMetrics(agent, port);
        await metrics.AwaitAsync(async () => (await metrics.GetAsync("/health/live")).Status == 200, () => "the agent answers");
        return metrics;
    }

    public Task<ApiReply> GetAsync(string path) => _client.GetAsync(path);

    /// <param name="labels">Such as <c>shard="s1"</c>; a series has to have all of them.</param>
    /// <returns>The sum over all series that have these labels; null: there is none.</returns>
    public async Task<double?> ValueAsync(string name, params string[] labels)
    {
        var values = (await GetAsync("/metrics")).Expect(200).Text.Split('\n')
            .Where(line => line.StartsWith(name + "{", StringComparison.Ordinal) && labels.All(label => line.Contains(label, StringComparison.Ordinal)))
            .Select(line => double.Parse(line[(line.LastIndexOf('}') + 1)..].Trim().Split(' ')[0], CultureInfo.InvariantCulture))
            .ToArray();
        return values.Length == 0 ? null : values.Sum();
    }

    /// <summary>Waits until it is so.</summary>
    public async Task ShowsAsync(Func<double?, bool> condition, string name, params string[] labels)
    {
        double? last = null;
        await AwaitAsync(async () => condition(last = await ValueAsync(name, labels)), () => $"{name} {string.Join(' ', labels)} is as expected, and was {last}");
    }

    /// <param name="awaited">As it is at the end, for the message, which has the agent's last lines too.</param>
    private async Task AwaitAsync(Func<Task<bool>> condition, Func<string> awaited)
    {
        try
        {
            await Eventually.ThatAsync(async () => Agent.HasExited || await condition(), Limit, "the agent is as awaited");
        }
        catch (Exception e)
        {
            throw new InvalidOperationException($"Not so: {awaited()}. {e.Message} The agent says:\n{Agent.Output}", e);
        }
        if (Agent.HasExited)
            throw new InvalidOperationException($"The agent ended with {Agent.ExitCode} before {awaited()}. It says:\n{Agent.Output}");
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await Agent.DisposeAsync();
    }
}
