using System.Diagnostics;
using System.Globalization;

namespace TestCluster;

/// <summary>
/// Folders for servers' data, all below one folder of this test process. It is removed at exit; what a killed process
/// left behind is removed by the next one.
/// </summary>
public static class TemporaryFolder
{
    private const string Prefix = "sharding-tests-";

    private static readonly Lazy<string> Root = new(MakeRoot);
    private static int _count;

    /// <summary>A path that does not exist yet, in a folder where every user may make it.</summary>
    public static string NewPath(string name) =>
        Path.Combine(Root.Value, string.Create(CultureInfo.InvariantCulture, $"{name}-{Interlocked.Increment(ref _count)}"));

    /// <summary>Best effort: a file that a dying server still writes is left to the next run's sweep.</summary>
    public static void Remove(string path)
    {
        try
        {
            Directory.Delete(path, recursive: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
        }
    }

    /// <summary>Whether it is within the folder of a test process that is no more.</summary>
    internal static bool IsOfOrphan(string path) =>
        Path.GetRelativePath(Path.GetTempPath(), path).Split(Path.DirectorySeparatorChar)[0] is var root && root.StartsWith(Prefix, StringComparison.Ordinal) && IsOrphan(root);

    private static string MakeRoot()
    {
        foreach (var folder in Directory.GetDirectories(Path.GetTempPath(), Prefix + "*").Where(IsOrphan))
            Remove(folder);
        var root = Path.Combine(Path.GetTempPath(), string.Create(CultureInfo.InvariantCulture, $"{Prefix}{Environment.ProcessId}"));
        Remove(root); // of an earlier process with our number
        Directory.CreateDirectory(root);
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(root, (UnixFileMode)0b111_111_111); // Postgres runs as another user when we are root
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Remove(root);
        return root;
    }

    private static bool IsOrphan(string folder)
    {
        if (!int.TryParse(Path.GetFileName(folder)[Prefix.Length..], NumberStyles.None, CultureInfo.InvariantCulture, out var pid))
            return false;
        try
        {
            using var owner = Process.GetProcessById(pid);
            return owner.HasExited;
        }
        catch (ArgumentException)
        {
            return true;
        }
    }
}
