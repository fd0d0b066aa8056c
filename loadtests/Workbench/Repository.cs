using System.Globalization;

namespace Workbench;

/// <summary>The checkout that this program was built in.</summary>
internal static class Repository
{
    public static string Root { get; } = Find(AppContext.BaseDirectory);

    /// <summary>The folder of the benches' cluster, beside the user's own cluster.</summary>
    public static string BenchHome => Path.Combine(DevHome, "bench");

    /// <summary>The folder of chaos runs. Each run has a folder for its cluster, recordings and logs.</summary>
    public static string ChaosHome => Path.Combine(DevHome, "chaos");

    /// <summary>The folder of fuzz runs. Each run has a folder for its cluster and what it found.</summary>
    public static string FuzzHome => Path.Combine(DevHome, "fuzz");

    /// <summary>
    /// The port offset of the cluster in <see cref="BenchHome"/>: its ports differ from those of the user's own cluster, and are below the
    /// ephemeral ports.
    /// </summary>
    public static int BenchPortOffset => 20_000
        + (int.TryParse(Environment.GetEnvironmentVariable("DEV_PORT_OFFSET"), CultureInfo.InvariantCulture, out var offset) ? offset : 0);

    /// <summary>The short hash of the commit, with a + if files differ from it.</summary>
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
