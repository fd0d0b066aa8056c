namespace TestCluster;

/// <summary>The checkout that the tests were built from.</summary>
public static class Checkout
{
    public static string Root { get; } = Find();

    private static string Find()
    {
        for (var folder = AppContext.BaseDirectory; folder is not null; folder = Path.GetDirectoryName(folder))
            if (File.Exists(Path.Combine(folder, "Sharding.sln")))
                return folder;
        throw new InvalidOperationException("The tests run outside of the repository.");
    }
}
