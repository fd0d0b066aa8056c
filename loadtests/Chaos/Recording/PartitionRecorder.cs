namespace Chaos.Recording;

/// <summary>Records the operations of one partition. Several clients may use it at the same time.</summary>
internal sealed class PartitionRecorder(Recorder recorder, string path) : IDisposable
{
    private readonly Lock _gate = new();
    private StreamWriter? _file;

    /// <summary>Call it before the request is sent.</summary>
    /// <returns>The operation's number, for <see cref="Complete"/>.</returns>
    public long Invoke(OperationKind kind, string? item = null, string? value = null, long? expected = null, int? ttlSeconds = null)
    {
        var operation = recorder.NextOperation();
        Write(new HistoryLine(recorder.Now(), operation, HistoryLine.Invoke) { Kind = kind, Item = item, Value = value, Expected = expected, TtlSeconds = ttlSeconds });
        return operation;
    }

    /// <summary>Call it after the answer has arrived.</summary>
    public void Complete(long operation, OperationOutcome outcome, long? version = null, string? value = null, bool refused = false, IReadOnlyList<string>? seen = null, string? note = null) =>
        Write(new HistoryLine(recorder.Now(), operation, outcome.ToString().ToLowerInvariant()) { Version = version, Value = value, Refused = refused ? true : null, Seen = seen, Note = note });

    /// <summary>Closes the file. A later line opens it again.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _file?.Dispose();
            _file = null;
        }
    }

    private void Write(HistoryLine line)
    {
        var text = line.ToJson();
        lock (_gate)
            (_file ??= new StreamWriter(path, append: true)).WriteLine(text);
    }
}
