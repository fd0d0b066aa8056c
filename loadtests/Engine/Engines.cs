namespace LoadTests.Engine;

/// <summary>The engines that this build has.</summary>
internal static class Engines
{
    public const string BuiltIn = "built-in";

#if FULL_FEED
    private const string NBomber = "nbomber";

    public static string[] Names => [BuiltIn, NBomber];

    public static ILoadEngine Create(string name) => name == NBomber ? new NBomberEngine() : new BuiltInEngine();
#else
    public static string[] Names => [BuiltIn];

    public static ILoadEngine Create(string name) => new BuiltInEngine();
#endif
}
