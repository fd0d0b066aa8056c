using System.Globalization;

namespace LoadTests.Cluster;

/// <summary>The checkout that this program was built in.</summary>
internal static class Repository
{
    public static string Root { get; } = Find(AppContext.BaseDirectory);

    /// <summary>Where benches keep their cluster, beside and not in the user's own.</summary>
    public static string BenchHome => Path.Combine(DevHome, "bench");

    /// <summary>Where chaos runs keep their clusters, recordings and logs, a folder for each run.</summary>
    public static string ChaosHome => Path.Combine(DevHome, "chaos");

    /// <summary>What <see cref="BenchHome"/> adds to all ports: out of the way of the user's own cluster, below the ephemeral ports.</summary>
    public static int BenchPortOffset => 20_000 + (int.TryParse(Environment.GetEnvironmentVariable("DEV_PORT_OFFSET"), CultureInfo.InvariantCulture, out var offset) ? offset : 0);

    /// <summary>Short name of the commit, with a + when files differ from it.</summary>
    public static async Task<string> CommitAsync(CancellationToken cancellation)
    {
        try
        {
            var commit = await OtherProgram.RunAsync("git", ["-C", Root, "rev-parse", "--short", "HEAD"], null, cancellation);
            var changes = await OtherProgram.RunAsync("git", ["-C", Root, "status", "--porcelain", "--untracked-files=no"], null, cancellation);
            return commit.Trim() + (changes.Length > 0 ? "+" : "");
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            return "unknown"; // not a clone: an unpacked archive
        }
    }

    private static string DevHome => Environment.GetEnvironmentVariable("DEV_HOME") is { Length: > 0 } home ? Path.GetFullPath(home) : Path.Combine(Root, ".dev");

    private static string Find(string from)
    {
        for (var folder = from; folder is not null; folder = Path.GetDirectoryName(folder))
            if (File.Exists(Path.Combine(folder, "dev")) && File.Exists(Path.Combine(folder, "Sharding.sln")))
                return folder;
        throw new DirectoryNotFoundException($"{from} is not in a checkout: there is no Sharding.sln above it.");
    }
}
