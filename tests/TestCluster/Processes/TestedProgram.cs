namespace TestCluster;

/// <summary>
/// Which build of our programs the tests start: the published one, which is what people run and starts in half the time, where <c>./dev test</c>
/// names the folders; else the one that was built with the tests.
/// </summary>
public static class TestedProgram
{
    /// <param name="published">The environment variable that has the folder of the published program.</param>
    /// <param name="built">The assembly that lies beside the tests.</param>
    public static string Find(string published, string built) =>
        Environment.GetEnvironmentVariable(published) is { Length: > 0 } folder ? Path.Combine(folder, Path.GetFileName(built)) : built;
}
