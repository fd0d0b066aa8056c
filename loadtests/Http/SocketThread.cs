namespace LoadTests.Http;

/// <summary>
/// Has .NET's sockets run continuations on the thread that waits for them, instead of handing each over to the thread
/// pool: less than half of the client's CPU. Good for us, because nothing here blocks after a socket operation; a
/// program that does (shardadmin waits in its first one) never wakes up again, so it must not reach our children.
/// </summary>
internal static class SocketThread
{
    private static readonly (string Name, string Value)[] Settings =
    [
        ("DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS", "1"),
        ("DOTNET_SYSTEM_NET_SOCKETS_THREAD_COUNT", "1"),
    ];

    /// <summary>To be called before the process makes its first socket: the settings are read then, and only then.</summary>
    public static void Use()
    {
        foreach (var (name, value) in Settings)
            Environment.SetEnvironmentVariable(name, value);
    }

    /// <summary>Takes the settings out of what a child process inherits.</summary>
    public static void RemoveFrom(IDictionary<string, string?> environment)
    {
        foreach (var (name, _) in Settings)
            environment.Remove(name);
    }
}
