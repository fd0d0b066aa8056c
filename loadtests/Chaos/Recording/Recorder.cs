using System.Diagnostics;

namespace Chaos.Recording;

/// <summary>
/// Records the beginning and the end of each operation. Each partition has a file, and each event is one JSON line: an hour fits on the
/// disk, and a checker needs only one partition in memory at a time.
/// </summary>
internal sealed class Recorder
{
    private readonly long _began = Stopwatch.GetTimestamp();
    private long _operations;

    public Recorder(string folder)
    {
        Folder = folder;
        Directory.CreateDirectory(folder);
    }

    public string Folder { get; }

    public PartitionRecorder Open(string workload, string partition) => new(this, Path.Combine(Folder, $"{workload}.{partition}.jsonl"));

    internal long NextOperation() => Interlocked.Increment(ref _operations);

    internal long Now() => (long)Stopwatch.GetElapsedTime(_began).TotalMicroseconds;
}
