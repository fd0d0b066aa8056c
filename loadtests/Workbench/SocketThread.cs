namespace Workbench;

/// <summary>
/// Makes .NET's sockets run continuations on the thread that waits for them, instead of giving each to the thread pool. This saves more
/// than half of the client's CPU. It is possible here, because no code blocks after a socket operation. A program that blocks there never
/// wakes up again (shardadmin blocks in its first one); therefore child processes must not inherit these settings.
/// </summary>
internal static class SocketThread
{
    private static readonly (string Name, string Value)[] Settings =
    [
        ("DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS", "1"),
        ("DOTNET_SYSTEM_NET_SOCKETS_THREAD_COUNT", "1"),
    ];

    /// <summary>Call it before the process makes its first socket: .NET reads the settings only then.</summary>
    public static void Use()
    {
        foreach (var (name, value) in Settings)
            Environment.SetEnvironmentVariable(name, value);
    }

    /// <summary>Removes the settings from the environment of a child process.</summary>
    public static void RemoveFrom(IDictionary<string, string?> environment)
    {
        foreach (var (name, _) in Settings)
            environment.Remove(name);
    }
}
