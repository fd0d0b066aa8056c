using System.Globalization;
using System.Text.Json;

namespace TestCluster;

/// <summary>The real router program as a child process, on ports of its own.</summary>
public sealed class RouterProcess : IAsyncDisposable
{
    private const string Assembly = "ShardRouter.dll";

    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(60);
    private static int _count;

    private readonly ChildProcess _process;

    private RouterProcess(ChildProcess process, string id, int dataPort, int operationsPort)
    {
        _process = process;
        Id = id;
        Port = dataPort;
        Url = Local(dataPort);
        Api = new ApiClient(Url, () => Output);
        Operations = new ApiClient(Local(operationsPort));
    }

    public string Id { get; }

    /// <summary>Of the data API.</summary>
    public int Port { get; }

    public Uri Url { get; }

    public ApiClient Api { get; }

    /// <summary>The port for health, metrics and the reference page.</summary>
    public ApiClient Operations { get; }

    public int ProcessId => _process.Id;

    public bool HasExited => _process.HasExited;

    public int ExitCode => _process.ExitCode;

    /// <summary>The last lines that it logged.</summary>
    public string Output => _process.Output;

    /// <summary>Starts one and waits until its operations port answers.</summary>
    /// <param name="settings">Environment variables; they win over those made up here.</param>
    /// <exception cref="InvalidOperationException">It ended instead; the message has its output.</exception>
    public static async Task<RouterProcess> StartAsync(params (string Variable, string Value)[] settings)
    {
        var (dataPort, operationsPort) = (FreePort.Next(), FreePort.Next());
        var id = string.Create(CultureInfo.InvariantCulture, $"router-{Interlocked.Increment(ref _count)}");
        var environment = new Dictionary<string, string?>(StringComparer.Ordinal)
        {
            ["PGUSER"] = PostgresServer.Superuser,
            ["SHARDING_ROUTER_ID"] = id,
            ["SHARDING_DATA_PORT"] = dataPort.ToString(CultureInfo.InvariantCulture),
            ["SHARDING_OPS_PORT"] = operationsPort.ToString(CultureInfo.InvariantCulture),
            ["SHARDING_POOL_SIZE"] = "8", // several routers share one test server
            ["SHARDING_DRAIN_SECONDS"] = "0",
            ["SHARDING_AUTH"] = "open", // most tests are about other things than who may call
        };
        foreach (var (variable, value) in settings)
            environment[variable] = value;

        var router = new RouterProcess(Run(environment), environment["SHARDING_ROUTER_ID"]!, dataPort, operationsPort);
        await Eventually.ThatAsync(
            async () => router.HasExited || (await router.Operations.GetAsync("/health/live")).Status == 200, StartLimit, $"router {id} answers");
        if (!router.HasExited)
            return router;
        var (exitCode, output) = (router.ExitCode, router.Output);
        await router.DisposeAsync();
        throw new InvalidOperationException($"The router ended with {exitCode}:\n{output}");
    }

    public Task<ApiReply> HealthAsync(string which) => Operations.GetAsync("/health/" + which);

    public Task WaitUntilReadyAsync() =>
        Eventually.ThatAsync(async () => (await HealthAsync("ready")).Status == 200, StartLimit, $"router {Id} is ready; it logged:\n{Output}");

    /// <returns>All samples, one a line, as Prometheus reads them.</returns>
    public async Task<string> MetricsAsync() => (await Operations.GetAsync("/metrics")).Expect(200).Text;

    /// <returns>The sum of a metric over its labels; 0 when there is none yet.</returns>
    public async Task<double> MetricAsync(string name, string label = "") => (await MetricsAsync()).Split('\n')
        .Where(line => line.StartsWith(name, StringComparison.Ordinal) && line.Length > name.Length && line[name.Length] is ' ' or '{' && line.Contains(label, StringComparison.Ordinal))
        .Sum(line => double.Parse(line[(line.LastIndexOf('}') + 1)..].Trim().Split(' ')[0], CultureInfo.InvariantCulture));

    /// <summary>Of the ring by which it routes now.</summary>
    public async Task<long> EpochAsync() => (await LocateAsync("any")).GetProperty("epoch").GetInt64();

    public async Task<JsonElement> LocateAsync(string partitionKey) =>
        (await Api.PostAsync("/v1:locate", JsonSerializer.Serialize(new { pk = partitionKey }))).Expect(200).Json;

    public void Signal(UnixSignal signal) => _process.Signal(signal);

    public void Pause() => _process.Pause();

    public void Resume() => _process.Resume();

    public Task KillAsync() => _process.KillAsync();

    public Task WaitForExitAsync(TimeSpan limit) => _process.WaitForExitAsync(limit);

    /// <summary>A client that shows this key or token.</summary>
    public ApiClient As(string bearer) => new(Url, () => Output, bearer);

    /// <summary>SIGTERM, and waits until it has gone.</summary>
    /// <returns>Its exit code.</returns>
    public async Task<int> StopAsync()
    {
        Signal(UnixSignal.Terminate);
        await WaitForExitAsync(TimeSpan.FromSeconds(40));
        return ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        Api.Dispose();
        Operations.Dispose();
        await _process.DisposeAsync();
    }

    private static ChildProcess Run(Dictionary<string, string?> environment)
    {
        var program = TestedProgram.Find("TESTED_ROUTER", Path.Combine(AppContext.BaseDirectory, Assembly));
        if (!File.Exists(program))
            throw new InvalidOperationException($"{program} is missing: the test project must reference src/ShardRouter, or TESTED_ROUTER name the folder of the published one.");
        var dotnet = Environment.ProcessPath is { } self && Path.GetFileNameWithoutExtension(self) == "dotnet" ? self : RequiredProgram.Find("dotnet", "the .NET SDK");
        var process = ChildProcess.Start(dotnet, [program], environment: environment);
        if (environment.Keys.Any(name => name.StartsWith("Logging__", StringComparison.Ordinal)))
            process.KeepAll(); // whoever sets the level wants to read the log
        return process;
    }

    private static Uri Local(int port) => new(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}"));
}
