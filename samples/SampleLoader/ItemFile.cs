using System.IO.Compression;
using System.Runtime.CompilerServices;
using System.Text;

namespace SampleLoader;

/// <summary>
/// Reads a gzipped NDJSON file as a stream: what is in memory is one batch, whatever the file's length.
/// A line is passed on as it stands; the router is the one that judges it.
/// </summary>
internal sealed class ItemFile(string path) : IDisposable
{
    private readonly FileStream _compressed = Open(path);

    /// <summary>The number of lines that are items. It reads the whole file once: the compressed bytes that were read say little about it.</summary>
    public async Task<long> CountAsync(CancellationToken cancel)
    {
        long items = 0;
        await foreach (IReadOnlyList<string> batch in ReadBatchesAsync(1000, cancel))
        {
            items += batch.Count;
        }

        _compressed.Position = 0;
        return items;
    }

    public async IAsyncEnumerable<IReadOnlyList<string>> ReadBatchesAsync(
        int size, [EnumeratorCancellation] CancellationToken cancel)
    {
        await using var plain = new GZipStream(_compressed, CompressionMode.Decompress, leaveOpen: true);
        using var reader = new StreamReader(plain, Encoding.UTF8);
        var batch = new List<string>(size);
        long lineNumber = 0;
        while (await ReadLineAsync(reader, lineNumber, cancel) is { } line)
        {
            lineNumber++;
            if (line.Length == 0)
            {
                continue;
            }

            if (line[0] != '{')
            {
                throw new LoadFailedException($"{path} line {lineNumber}: not a JSON object");
            }

            batch.Add(line);
            if (batch.Count == size)
            {
                yield return batch;
                batch = new List<string>(size);
            }
        }

        if (batch.Count > 0)
        {
            yield return batch;
        }
    }

    public void Dispose() => _compressed.Dispose();

    private async Task<string?> ReadLineAsync(StreamReader reader, long linesBefore, CancellationToken cancel)
    {
        try
        {
            return await reader.ReadLineAsync(cancel);
        }
        catch (InvalidDataException)
        {
            throw new LoadFailedException($"{path}: not gzip, or damaged after line {linesBefore}");
        }
    }

    private static FileStream Open(string path)
    {
        try
        {
            return File.OpenRead(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new LoadFailedException($"cannot read {path}: {e.Message}");
        }
    }
}
