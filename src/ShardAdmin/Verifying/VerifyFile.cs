using System.Text;
using System.Text.Json;
using ShardAdmin.Failures;
using ShardAdmin.Output;

namespace ShardAdmin.Verifying;

/// <summary>
/// The checksums of a run: one JSON line for each range of slots, written when the range is done. The file is used to continue an
/// interrupted run, and to compare a later run with this one. A last line that a crash has cut off is ignored.
/// </summary>
internal sealed class VerifyFile : IAsyncDisposable
{
    private readonly FileStream _stream;
    private readonly SemaphoreSlim _gate = new(1);

    private VerifyFile(FileStream stream, IReadOnlyList<ScannedRange> ranges)
    {
        _stream = stream;
        Ranges = ranges;
    }

    /// <summary>The ranges that the file had when it was opened.</summary>
    public IReadOnlyList<ScannedRange> Ranges { get; }

    /// <param name="resume">True: the file must exist and belong to the same cluster, epoch and slots.</param>
    /// <exception cref="CommandFailedException">Without resume: the file exists already. With resume: it does not exist, or belongs to
    /// other work.</exception>
    public static async Task<VerifyFile> OpenAsync(string path, VerifyFileHeader header, bool resume, CancellationToken cancellation)
    {
        if (!resume)
            return await CreateAsync(path, header, cancellation);
        var (found, ranges, length) = await ParseAsync(path, cancellation);
        if (found != header)
            throw new CommandFailedException(
                ExitCode.Conflict,
                $"{path} is of cluster {found.Cluster}, epoch {found.Epoch}, slots {found.Slots}; this run is of cluster "
                + $"{header.Cluster}, epoch {header.Epoch}, slots {header.Slots}. Slots that changed their owner in between would be "
                + "counted twice or not at all.",
                "shardadmin verify --save OTHER_FILE");
        var stream = new FileStream(path, FileMode.Open, FileAccess.Write, FileShare.Read);
        stream.SetLength(length);
        stream.Position = length;
        return new VerifyFile(stream, ranges);
    }

    /// <exception cref="CommandFailedException">The file does not exist, or is not such a file.</exception>
    public static async Task<IReadOnlyList<ScannedRange>> ReadAsync(string path, CancellationToken cancellation) =>
        (await ParseAsync(path, cancellation)).Ranges;

    /// <summary>Adds a line. Calls may come at the same time; lines are written one after the other.</summary>
    public async Task AddAsync(ScannedRange range, CancellationToken cancellation)
    {
        await _gate.WaitAsync(cancellation);
        try
        {
            await WriteLineAsync(_stream, range, cancellation);
            await _stream.FlushAsync(cancellation);
        }
        finally
        {
            _gate.Release();
        }
    }

    public ValueTask DisposeAsync()
    {
        _gate.Dispose();
        return _stream.DisposeAsync();
    }

    private static async Task<VerifyFile> CreateAsync(string path, VerifyFileHeader header, CancellationToken cancellation)
    {
        try
        {
            var stream = new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.Read);
            await WriteLineAsync(stream, header, cancellation);
            return new VerifyFile(stream, []);
        }
        catch (IOException) when (File.Exists(path))
        {
            throw new CommandFailedException(
                ExitCode.Conflict, $"{path} exists already.",
                $"shardadmin verify --save {path} --resume   (continues that run), or name another file");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandFailedException(ExitCode.Precondition, $"{path} cannot be written: {e.Message}", "name another file");
        }
    }

    private static async Task WriteLineAsync<T>(FileStream stream, T line, CancellationToken cancellation) =>
        await stream.WriteAsync(Encoding.UTF8.GetBytes(JsonSerializer.Serialize(line, AdminJson.OneLine) + "\n"), cancellation);

    private static async Task<(VerifyFileHeader Header, IReadOnlyList<ScannedRange> Ranges, long Length)> ParseAsync(
        string path, CancellationToken cancellation)
    {
        byte[] bytes;
        try
        {
            bytes = await File.ReadAllBytesAsync(path, cancellation);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandFailedException(
                ExitCode.NotFound, $"{path} cannot be read: {e.Message}", "shardadmin verify --save FILE   (makes one)");
        }
        var length = Array.LastIndexOf(bytes, (byte)'\n') + 1; // anything after it is a line that was cut off
        try
        {
            var lines = Encoding.UTF8.GetString(bytes, 0, length).Split('\n', StringSplitOptions.RemoveEmptyEntries);
            var header = JsonSerializer.Deserialize<VerifyFileHeader>(lines.FirstOrDefault() ?? "", AdminJson.OneLine);
            if (header is { Verify: VerifyFileHeader.Version })
                return (
                    header, [.. lines.Skip(1).Select(line => JsonSerializer.Deserialize<ScannedRange>(line, AdminJson.OneLine)!)], length);
        }
        catch (JsonException)
        {
            // the exception below reports it
        }
        throw new CommandFailedException(
            ExitCode.Precondition, $"{path} is not a file of 'shardadmin verify --save'.", "name the right file");
    }
}
