using ShardCore.Ring;
using ShardCore.RingDocuments;
using ShardRouter.Configuration;

namespace ShardRouter.Rings;

/// <summary>Keeps the last good ring on this router's disk. So the router can start while Redis is down.</summary>
internal sealed partial class RingDiskCopy(RouterOptions options, ILogger<RingDiskCopy> log)
{
    private readonly string? _path =
        options.StateDirectory is { } directory ? Path.Combine(directory, $"ring-{options.ClusterName}.json") : null;

    /// <returns>The ring, or null when there is no copy or it cannot be used.</returns>
    public ShardRing? Load()
    {
        if (_path is null || !File.Exists(_path))
            return null;
        try
        {
            return RingDocumentCodec.Read(File.ReadAllText(_path));
        }
        catch (Exception e) when (e is BadRingException or IOException or UnauthorizedAccessException)
        {
            LogUnusable(e, _path);
            return null;
        }
    }

    /// <summary>A write that fails is logged and otherwise ignored: serving matters more than the copy.</summary>
    public void Save(ShardRing ring)
    {
        if (_path is null)
            return;
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(_path)!);
            var next = _path + ".next";
            File.WriteAllText(next, RingDocumentCodec.Write(ring));
            File.Move(next, _path, overwrite: true); // the copy is replaced as a whole or not at all, also if the router is killed
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            LogNotWritten(e, _path);
        }
    }

    [LoggerMessage(LogLevel.Warning, "The ring's disk copy {Path} cannot be used")]
    private partial void LogUnusable(Exception exception, string path);

    [LoggerMessage(LogLevel.Warning, "The ring's disk copy {Path} was not written")]
    private partial void LogNotWritten(Exception exception, string path);
}
