namespace LoadTests.Engine;

/// <summary>The engines that this build has.</summary>
internal static class Engines
{
    public const string BuiltIn = "built-in";

#if NBOMBER
    private const string NBomber = "nbomber";

    public const string Description = "what makes the load; nbomber counts latency from when an operation really began, opens as many connections as it needs, and has no figures of single seconds";

    public static string[] Names => [BuiltIn, NBomber];

    public static ILoadEngine Create(string name) => name == NBomber ? new NBomberEngine() : new BuiltInEngine();
#else
    public const string Description = "what makes the load";

    public static string[] Names => [BuiltIn];

    public static ILoadEngine Create(string name) => new BuiltInEngine();
#endif
}
