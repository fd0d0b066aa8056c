using System.Text;
using ShardAdmin.CommandLine;

namespace ShardAdmin.Backups;

/// <summary>Where a backup point's document goes: a new file, never over another one.</summary>
internal sealed class BackupPointFile : IDisposable
{
    private readonly string _path;
    private readonly string _temporary;

    private BackupPointFile(string path) => (_path, _temporary) = (path, $"{path}.{Guid.NewGuid():N}.tmp");

    /// <summary>Tells before anything else is done that the file cannot be written.</summary>
    /// <exception cref="CommandFailedException">It is there already, or its folder takes no file.</exception>
    public static BackupPointFile Reserve(string path)
    {
        if (File.Exists(path))
            throw new CommandFailedException(
                ExitCode.Conflict, $"The file {path} is there already.", "the same command with another --out");
        var file = new BackupPointFile(path);
        Try(() => File.WriteAllBytes(file._temporary, []), path, "");
        return file;
    }

    /// <summary>On disk when this returns.</summary>
    /// <exception cref="CommandFailedException">It could not be written; what could is in a file that the message names.</exception>
    public void Write(string text)
    {
        Try(
            () =>
            {
                using (var stream = new FileStream(_temporary, FileMode.Create, FileAccess.Write))
                {
                    stream.Write(Encoding.UTF8.GetBytes(text + "\n"));
                    stream.Flush(flushToDisk: true);
                }
                File.Move(_temporary, _path, overwrite: false);
            },
            _path, $" What could be written is in {_temporary}.");
    }

    public void Dispose()
    {
        if (File.Exists(_temporary) && new FileInfo(_temporary).Length == 0)
            File.Delete(_temporary);
    }

    private static void Try(Action write, string path, string left)
    {
        try
        {
            write();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw new CommandFailedException(
                ExitCode.Failed, $"The document {path} cannot be written: {e.Message}{left}", "the same command with another --out");
        }
    }
}
