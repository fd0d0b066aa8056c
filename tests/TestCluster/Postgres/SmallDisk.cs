using System.Globalization;
using Xunit;

namespace TestCluster;

/// <summary>
/// A disk of a few megabytes for one server's data folder, which a test fills up and empties again. It is memory that is mounted, so it takes
/// root; where mounting is not allowed the tests that need it are skipped.
/// </summary>
public sealed class SmallDisk : IAsyncDisposable
{
    /// <summary>What a new server takes, its WAL included, and a database with the shards' schema, and as much again for what tests put there.</summary>
    private const int Megabytes = 192;

    private const int BlockBytes = 4096; // what the last bytes are given out in

    private readonly string _folder;
    private int _folders;

    private SmallDisk(string folder) => _folder = folder;

    private string Ballast => Path.Combine(_folder, "ballast");

    public static async Task<SmallDisk> MountAsync()
    {
        var folder = TemporaryFolder.NewPath("disk");
        Directory.CreateDirectory(folder);
        await UnmountOrphansAsync();
        try
        {
            await ChildProcess.RunAsync("mount", ["-t", "tmpfs", "-o", string.Create(CultureInfo.InvariantCulture, $"size={Megabytes}m,mode=0777"), "tmpfs", folder]);
        }
        catch (InvalidOperationException e)
        {
            Assert.Skip($"A disk that can be full has to be mounted, and that is not allowed here (root is): {e.Message}");
        }
        return new SmallDisk(folder);
    }

    /// <summary>A path that does not exist yet.</summary>
    internal string NewPath() => Path.Combine(_folder, string.Create(CultureInfo.InvariantCulture, $"postgres-{++_folders}"));

    /// <summary>Nothing more can be written, but into files that are there.</summary>
    public async Task FillAsync()
    {
        await using var ballast = new FileStream(Ballast, FileMode.Append, FileAccess.Write, FileShare.None, bufferSize: 0);
        for (var block = new byte[256 * BlockBytes]; block.Length >= BlockBytes;)
            try
            {
                await ballast.WriteAsync(block);
            }
            catch (IOException)
            {
                block = new byte[block.Length / 2]; // the rest, in smaller pieces
            }
    }

    public void MakeRoom() => File.Delete(Ballast);

    public async ValueTask DisposeAsync()
    {
        await UnmountAsync(_folder);
        TemporaryFolder.Remove(_folder);
    }

    /// <summary>Lazily: a server that was killed may still have its files open for a moment.</summary>
    private static Task UnmountAsync(string folder) => ChildProcess.RunAsync("umount", ["--lazy", folder]);

    /// <summary>Of test processes that were killed: their servers ended with them, their mounts do not.</summary>
    private static async Task UnmountOrphansAsync()
    {
        if (!File.Exists("/proc/mounts"))
            return;
        foreach (var line in await File.ReadAllLinesAsync("/proc/mounts"))
            if (line.Split(' ') is ["tmpfs", var folder, ..] && TemporaryFolder.IsOfOrphan(folder))
                try
                {
                    await UnmountAsync(folder);
                }
                catch (InvalidOperationException)
                {
                    // Another test process was faster, or it is not ours to unmount.
                }
    }
}
