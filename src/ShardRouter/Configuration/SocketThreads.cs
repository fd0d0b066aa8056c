namespace ShardRouter.Configuration;

/// <summary>
/// A request is handled on the thread that found its bytes on the socket, and goes on, when it went to its shard alone, on the one that found the answer: as
/// many such threads as processors. Handing each over to the pool, up to four times, cost more than the rest of its way (docs/adr/0017-requests-stay-on-their-thread.md).
/// </summary>
/// <remarks>
/// What blocks such a thread blocks its other sockets, and waits for ever if it waits for one of them. So nothing here blocks, nothing of Npgsql is used but its
/// asynchronous calls, and what takes long without waiting goes to the pool (<see cref="Http.RequestBody"/>, <see cref="Http.Pipeline"/>).
/// </remarks>
internal static class SocketThreads
{
    /// <summary>What .NET reads when the process makes its first socket; there is no other way to say it.</summary>
    private const string Variable = "DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS";

    /// <summary>Before the first socket is made. An environment that says otherwise is heeded.</summary>
    public static void RunRequests()
    {
        if (Environment.GetEnvironmentVariable(Variable) is null)
            Environment.SetEnvironmentVariable(Variable, "1");
    }
}
