using System.Text;
using ShardAdmin.Failures;

namespace ShardAdmin.Backups;

/// <summary>The file for the document of a backup point: always a new file, never an existing one.</summary>
internal sealed class BackupPointFile : IDisposable
{
    private readonly string _path;
    private readonly string _temporary;

    private BackupPointFile(string path) => (_path, _temporary) = (path, $"{path}.{Guid.NewGuid():N}.tmp");

    /// <summary>Fails before any other work is done if the file cannot be written.</summary>
    /// <exception cref="CommandFailedException">The file exists already, or cannot be created in its folder.</exception>
    public static BackupPointFile Reserve(string path)
    {
        if (File.Exists(path))
            throw new CommandFailedException(
                ExitCode.Conflict, $"The file {path} exists already.", "the same command with another --out");
        var file = new BackupPointFile(path);
        Try(() => File.WriteAllBytes(file._temporary, []), path, "");
        return file;
    }

    /// <summary>Writes the document. It is on disk when this method returns.</summary>
    /// <exception cref="CommandFailedException">The document could not be written completely. The message names the temporary
    /// file.</exception>
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
            _path, $" The part that was written is in {_temporary}.");
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
