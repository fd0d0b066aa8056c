using System.Text.RegularExpressions;
using Xunit;

namespace TestCluster;

/// <summary>
/// Finds a server's program. A missing one skips the test on a person's machine and fails it where the environment
/// variable CI is set, so that a broken build machine cannot pass by skipping.
/// </summary>
public static partial class RequiredProgram
{
    private const string DebianPostgres = "/usr/lib/postgresql";

    /// <param name="name">For instance <c>redis-server</c>.</param>
    /// <param name="package">What to install when it is missing, for the message.</param>
    public static string Find(string name, string package)
    {
        if (TryFind(name) is { } path)
            return path;
        var message = $"'{name}' was not found in {DebianPostgres}/*/bin or PATH; install {package}.";
        if (string.IsNullOrEmpty(Environment.GetEnvironmentVariable("CI")))
            Assert.Skip(message);
        throw new InvalidOperationException(message);
    }

    /// <returns>The full path, the newest Postgres first, or null.</returns>
    public static string? TryFind(string name) =>
        PostgresFolders()
            .Concat((Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries))
            .Append("/usr/sbin") // where Debian puts haproxy, outside of a person's PATH
            .Select(folder => Path.Combine(folder, name))
            .FirstOrDefault(File.Exists);

    private static IEnumerable<string> PostgresFolders() =>
        Directory.Exists(DebianPostgres)
            ? Directory.GetDirectories(DebianPostgres)
                .Where(folder => Version().IsMatch(Path.GetFileName(folder)))
                .OrderByDescending(folder => int.Parse(Path.GetFileName(folder), System.Globalization.CultureInfo.InvariantCulture))
                .Select(folder => Path.Combine(folder, "bin"))
            : [];

    [GeneratedRegex("^[0-9]{1,3}\\z", RegexOptions.None, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Version();
}
