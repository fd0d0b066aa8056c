using Chaos.Checkers;
using Chaos.Recording;

namespace LoadTests.Tests.Chaos;

public sealed class RecordingTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("recording").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void What_is_recorded_is_read_back_and_an_operation_without_an_end_is_of_unknown_outcome()
    {
        using (var file = new Recorder(_folder).Open("register", "r1"))
        {
            var write = file.Invoke(OperationKind.Replace, item: "i", value: "v", expected: 7, ttlSeconds: 5);
            var lost = file.Invoke(OperationKind.Put, value: "w");
            file.Complete(write, OperationOutcome.Fail, version: 8, refused: true, note: "proxy 412");
            file.Dispose(); // a line after that opens it again
            file.Complete(file.Invoke(OperationKind.Read), OperationOutcome.Ok, version: 9, value: "x", seen: ["a", "b"]);
            file.Complete(lost, OperationOutcome.Unknown);
            _ = file.Invoke(OperationKind.Delete);
        }

        var history = HistoryFile.Read(Path.Combine(_folder, "register.r1.jsonl"));

        Assert.Equal([OperationKind.Replace, OperationKind.Put, OperationKind.Read, OperationKind.Delete], history.Select(operation => operation.Kind));
        Assert.Equal([OperationOutcome.Fail, OperationOutcome.Unknown, OperationOutcome.Ok, OperationOutcome.Unknown], history.Select(operation => operation.Outcome));
        Assert.Equal(("i", "v", 7, 5, 8, true), (history[0].Item, history[0].Value, history[0].Expected, history[0].TtlSeconds, history[0].Version, history[0].IsRefused));
        Assert.True(history[0].InvokedAt <= history[1].InvokedAt && history[1].InvokedAt <= history[0].CompletedAt);
        Assert.Equal(HistoryOperation.Never, history[1].CompletedAt);
        Assert.Equal(("x", "a b"), (history[2].Value, string.Join(' ', history[2].Seen!)));
    }

    [Fact]
    public void Each_workloads_recording_is_held_to_its_rules_and_only_the_wrong_ones_are_told()
    {
        var recorder = new Recorder(_folder);
        foreach (var (workload, kind) in ((string, OperationKind)[])[("register", OperationKind.Create), ("append", OperationKind.Create), ("set", OperationKind.Create), ("bank", OperationKind.Transfer)])
            using (var file = recorder.Open(workload, "lost"))
            {
                file.Complete(file.Invoke(kind, item: "i", value: "t1:a0:a1:5"), OperationOutcome.Ok, version: 1);
                file.Complete(file.Invoke(workload == "bank" ? OperationKind.ReadLedger : OperationKind.Read, item: workload == "set" ? "i" : null), OperationOutcome.Ok);
            }
        using (var file = recorder.Open("set", "right"))
            file.Complete(file.Invoke(OperationKind.Create, item: "i"), OperationOutcome.Ok, version: 1);

        Assert.Equal(
            ["append.lost.jsonl", "bank.lost.jsonl", "register.lost.jsonl", "set.lost.jsonl"],
            Checker.CheckFolder(_folder).Select(found => Path.GetFileName(found.Path)));
    }

    [Fact]
    public void Only_the_partitions_of_a_shard_that_lost_commits_may_lack_them()
    {
        var recorder = new Recorder(_folder);
        foreach (var key in (string[])["of-the-shard", "of-another"])
            using (var file = recorder.Open("set", key))
            {
                file.Complete(file.Invoke(OperationKind.Create, item: "i"), OperationOutcome.Ok, version: 1);
                file.Complete(file.Invoke(OperationKind.Read, item: "i"), OperationOutcome.Ok);
            }
        var window = new LostCommitWindow(new HashSet<string> { "of-the-shard" }, From: -1, To: recorder.Now() + 1);

        Assert.Equal(["set.of-another.jsonl"], Checker.CheckFolder(_folder, [window]).Select(found => Path.GetFileName(found.Path)));
    }

    [Fact]
    public void An_excerpt_shows_a_violation_and_its_neighbours_and_not_the_hour_between()
    {
        HistoryOperation[] history = [.. Enumerable.Range(0, 1000).Select(at => HandMade.Ok(OperationKind.Read, at, at + 1))];
        string[] excerpt = [.. HistoryExcerpt.Around(new Violation("wrong", history[100], history[900]), history)];

        Assert.Equal(50, excerpt.Length); // twelve on each side of both
        Assert.Equal(["→ " + history[100], "→ " + history[900]], excerpt.Where(line => line.StartsWith('→')));
    }
}
