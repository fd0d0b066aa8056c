using System.Runtime.CompilerServices;
using TestCluster;

namespace ShardAdmin.Tests;

internal static class Credentials
{
    /// <summary>As people give them: by the environment, never by an argument.</summary>
    [ModuleInitializer]
    internal static void Set() => Environment.SetEnvironmentVariable("PGUSER", PostgresServer.Superuser);
}
