using LoadTests.Chaos.Recording;

namespace LoadTests.Chaos.Checkers;

/// <summary>Holds recordings to the rules of their workloads, one partition at a time.</summary>
internal static class Checker
{
    private static readonly Dictionary<string, Func<IReadOnlyList<HistoryOperation>, IReadOnlyList<Violation>>> ByWorkload = new(StringComparer.Ordinal)
    {
        ["register"] = RegisterChecker.Check,
        ["append"] = AppendChecker.Check,
        ["bank"] = BankChecker.Check,
        ["set"] = SetChecker.Check,
    };

    /// <param name="folder">Files named <c>workload.partition.jsonl</c>.</param>
    /// <returns>The violations of each file that has some.</returns>
    public static IEnumerable<(string Path, IReadOnlyList<Violation> Violations)> CheckFolder(string folder) => CheckFolder(folder, []);

    /// <param name="windows">In which shards lost commits, as an asynchronous standby that takes over does.</param>
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
