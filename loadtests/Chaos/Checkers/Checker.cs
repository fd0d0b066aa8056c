using Chaos.Recording;

namespace Chaos.Checkers;

/// <summary>Checks recordings against the rules of their workloads, one partition at a time.</summary>
internal static class Checker
{
    private static readonly Dictionary<string, Func<IReadOnlyList<HistoryOperation>, IReadOnlyList<Violation>>> ByWorkload = new(StringComparer.Ordinal)
    {
        ["register"] = RegisterChecker.Check,
        ["append"] = AppendChecker.Check,
        ["bank"] = BankChecker.Check,
        ["set"] = SetChecker.Check,
    };

    /// <param name="folder">A folder with files named <c>workload.partition.jsonl</c>.</param>
    /// <returns>The files with violations.</returns>
    public static IEnumerable<(string Path, IReadOnlyList<Violation> Violations)> CheckFolder(string folder) => CheckFolder(folder, []);

    /// <param name="windows">The times in which shards lost commits, because an asynchronous standby took over.</param>
    /// <inheritdoc cref="CheckFolder(string)"/>
    public static IEnumerable<(string Path, IReadOnlyList<Violation> Violations)> CheckFolder(
        string folder, IReadOnlyList<LostCommitWindow> windows) =>
        Directory.EnumerateFiles(folder, "*.jsonl").Order(StringComparer.Ordinal)
            .Select(path => (Path: path, Violations: CheckFile(path, windows)))
            .Where(checkedFile => checkedFile.Violations.Count > 0);

    private static IReadOnlyList<Violation> CheckFile(string path, IReadOnlyList<LostCommitWindow> windows)
    {
        var parts = Path.GetFileNameWithoutExtension(path).Split('.', 2);
        return ByWorkload[parts[0]](LostCommits.Apply(parts[1], HistoryFile.Read(path), windows));
    }
}
