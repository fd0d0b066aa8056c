using System.Globalization;
using System.Net.Http.Headers;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using TestCluster;
using Workbench;

namespace EndToEnd.Tests;

/// <summary>
/// A whole cluster as people start it: <c>./dev up</c> in a folder and on ports of its own, with real Postgres, Redis,
/// HAProxy and router processes. One for all tests of this project; each test leaves it as it found it.
/// </summary>
public class DevCluster : IAsyncLifetime
{
    /// <summary>A setting that only the first <c>./dev up</c> is given.</summary>
    public const string Setting = "SHARDING_PAYLOAD_MIB=65";

    private static readonly TimeSpan UpLimit = TimeSpan.FromMinutes(5);

    private readonly string _home = TemporaryFolder.NewPath("dev");
    private readonly Dictionary<string, string?> _environment = new(StringComparer.Ordinal);
    private HttpClient? _client;

    public static string Root { get; } = Checkout.Root;

    public Uri Proxy { get; private set; } = new("http://127.0.0.1");

    /// <summary>What <c>./dev up</c> printed.</summary>
    public string Greeting { get; private set; } = "";

    /// <summary>Through the proxy.</summary>
    public HttpClient Client => _client!;

    /// <summary>What <c>./dev up</c> is given besides.</summary>
    /// <remarks>Most tests are about other things than who may call.</remarks>
    protected virtual IReadOnlyList<string> Options => ["--open"];

    public async ValueTask InitializeAsync()
    {
        RequirePrograms();
        _environment["DEV_HOME"] = _home;
        _environment["DEV_PORT_OFFSET"] = FreeOffset().ToString(CultureInfo.InvariantCulture);
        AppDomain.CurrentDomain.ProcessExit += (_, _) => DevAsync("down", "--wipe").Wait(TimeSpan.FromSeconds(30));
        var (name, value) = (Setting.Split('=')[0], Setting.Split('=')[1]);
        _environment[name] = value;
        Greeting = await DevAsync(["up", "--detach", "--no-data", "--no-build", .. Options]);
        _environment.Remove(name);
        var status = await StatusAsync();
        Proxy = new Uri(status.Proxy);
        _client = new HttpClient(HandlerOf(status)) { BaseAddress = Proxy, Timeout = TimeSpan.FromSeconds(40) };
        if (status.ApiKey is { } key)
            _client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key);
        (await Client.PutAsync(new Uri("/v1/collections/things", UriKind.Relative), null)).EnsureSuccessStatusCode();
    }

    public async ValueTask DisposeAsync()
    {
        _client?.Dispose();
        if (Directory.Exists(_home))
            await DevAsync("down", "--wipe");
        GC.SuppressFinalize(this);
    }

    /// <summary>Of a client that knows the cluster's own authority, if it has one.</summary>
    private static SocketsHttpHandler HandlerOf(ClusterStatus status)
    {
        var handler = new SocketsHttpHandler();
        if (status.Ca is { } file)
            handler.SslOptions.CertificateChainPolicy = TestAuthority.PolicyOf(X509CertificateLoader.LoadCertificateFromFile(file));
        return handler;
    }

    protected virtual void RequirePrograms()
    {
        RequiredProgram.Find("postgres", "postgresql");
        RequiredProgram.Find("redis-server", "redis-server");
        RequiredProgram.Find("haproxy", "haproxy");
    }

    /// <summary>The log file of one of its processes.</summary>
    public string LogOf(string process) => Path.Combine(_home, "logs", process + ".log");

    /// <summary>A partition key of each shard and more, found by asking the routers.</summary>
    /// <returns>By shard.</returns>
    public async Task<IReadOnlyDictionary<string, IReadOnlyList<string>>> PartitionsAsync(int ofEach)
    {
        var shards = (await StatusAsync()).Shards.ToDictionary(shard => shard.Id, _ => new List<string>(), StringComparer.Ordinal);
        for (var i = 0; shards.Values.Any(partitions => partitions.Count < ofEach); i++)
        {
            var partition = string.Create(CultureInfo.InvariantCulture, $"q{i}");
            using var body = new StringContent($"{{\"pk\":\"{partition}\"}}", System.Text.Encoding.UTF8, "application/json");
            using var response = await Client.PostAsync(new Uri("/v1:locate", UriKind.Relative), body);
            using var place = JsonDocument.Parse(await response.Content.ReadAsStringAsync());
            shards[place.RootElement.GetProperty("shard").GetString()!].Add(partition);
        }
        return shards.ToDictionary(shard => shard.Key, shard => (IReadOnlyList<string>)shard.Value, StringComparer.Ordinal);
    }

    /// <summary>As many routers as asked for; those that died are started again.</summary>
    public Task ScaleRoutersAsync(int routers) =>
        DevAsync("up", "--detach", "--no-data", "--no-build", "--routers", routers.ToString(CultureInfo.InvariantCulture));

    public Task<string> AdminAsync(params string[] arguments) => DevAsync(["admin", .. arguments]);

    /// <summary>What runs, and what does not: its pid is null.</summary>
    public async Task<ClusterStatus> StatusAsync() =>
        JsonSerializer.Deserialize<ClusterStatus>((await RunAsync("status", "--json")).Output, JsonSerializerOptions.Web)!;

    /// <returns>What it printed.</returns>
    /// <exception cref="InvalidOperationException">It failed; the message has its output.</exception>
    public async Task<string> DevAsync(params string[] arguments)
    {
        var (exitCode, output, errors) = await RunAsync(arguments);
        return exitCode == 0
            ? output
            : throw new InvalidOperationException($"./dev {string.Join(' ', arguments)} ended with {exitCode}:\n{output}{errors}");
    }

    private async Task<(int ExitCode, string Output, string Errors)> RunAsync(params string[] arguments)
    {
        // No pdeathsig-wrapped child here: what `up` starts must outlive the command that started it.
        var start = new System.Diagnostics.ProcessStartInfo(Path.Combine(Root, "dev"))
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
            WorkingDirectory = Root,
        };
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        foreach (var (name, value) in _environment)
            start.Environment[name] = value;
        using var process = System.Diagnostics.Process.Start(start)!;
        process.StandardInput.Close();
        var output = process.StandardOutput.ReadToEndAsync();
        var errors = process.StandardError.ReadToEndAsync();
        using var limit = new CancellationTokenSource(UpLimit);
        await process.WaitForExitAsync(limit.Token);
        return (process.ExitCode, await output, await errors);
    }

    /// <summary>Those of Postgres, Patroni and etcd with <c>--ha</c> and three shards.</summary>
    private static IEnumerable<int> WithHosts => [.. Enumerable.Range(5541, 6), .. Enumerable.Range(8401, 6), 8380, 8381];

    /// <summary>What is added to the ports that <c>./dev</c> uses by itself, so that a cluster has ports of its own.</summary>
    public static int FreeOffset() => PortOffset.Free(
        [8080, 8079, 6390, 5441, 5442, 5443, 8101, 8102, 8103, 8104, 8201, 8202, 8203, 8204, .. WithHosts]);
}

/// <summary>What <c>./dev status --json</c> prints.</summary>
/// <param name="ApiKey">Null: the cluster runs open.</param>
/// <param name="Ca">The file of the cluster's certificate authority; null: it does not speak TLS.</param>
public sealed record ClusterStatus(
    string Proxy, IReadOnlyList<ClusterStatus.Router> Routers, ClusterStatus.RedisServer Redis, IReadOnlyList<ClusterStatus.Shard> Shards,
    string? ApiKey, string? Ca)
{
    public sealed record Router(string Id, string Url, string Ops, int? Pid);

    public sealed record RedisServer(string Host, int Port, int? Pid);

    /// <param name="Hosts">Null: it has one server, which is the shard's own.</param>
    public sealed record Shard(string Id, string Host, int Port, string Database, int? Pid, IReadOnlyList<ShardHost>? Hosts)
    {
        public ShardHost Primary => Hosts!.Single(host => host.Role == "primary");
    }

    /// <param name="Role">primary or standby; null: it does not run, or nobody knows.</param>
    public sealed record ShardHost(string Name, string Host, int Port, int? Pid, int? PatroniPid, string? Role);
}
