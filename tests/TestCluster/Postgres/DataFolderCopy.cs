namespace TestCluster;

/// <summary>A cold copy of a server's data folder, as a backup would have it. It can be restored any number of times.</summary>
public sealed class DataFolderCopy
{
    internal DataFolderCopy(string folder) => Folder = folder;

    internal string Folder { get; }
}
