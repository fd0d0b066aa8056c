using System.Diagnostics;

namespace LoadTests.Chaos.Recording;

/// <summary>
/// Writes each operation down as it begins and as it ends: a file for each partition, a JSON line for each event, so that
/// an hour fits on the disk and a checker needs one partition in memory at a time.
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
