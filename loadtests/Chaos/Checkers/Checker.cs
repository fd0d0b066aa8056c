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
    /// <param name="windows">In which shards may have lost what they acknowledged. A partition of one of them is not judged.</param>
    /// <returns>The violations of each file that has some.</returns>
    public static IEnumerable<(string Path, IReadOnlyList<Violation> Violations)> CheckFolder(string folder, params IReadOnlyList<LostCommitWindow> windows) =>
        Directory.EnumerateFiles(folder, "*.jsonl").Order(StringComparer.Ordinal)
            .Where(path => !windows.Any(window => window.Keys.Contains(KeyOf(path))))
            .Select(path => (path, CheckFile(path)))
            .Where(checkedFile => checkedFile.Item2.Count > 0);

    private static IReadOnlyList<Violation> CheckFile(string path) => ByWorkload[Path.GetFileName(path).Split('.')[0]](HistoryFile.Read(path));

    private static string KeyOf(string path) => Path.GetFileName(path).Split('.')[1];
}
