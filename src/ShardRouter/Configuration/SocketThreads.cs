using System.Globalization;
using System.Runtime.CompilerServices;

namespace ShardRouter.Configuration;

/// <summary>
/// A request is handled on the thread that found its bytes on the socket, and goes on, when it went to its shard alone, on the one that found the answer: as
/// many such threads as processors. Handing each over to the pool, up to four times, cost more than the rest of its way (docs/adr/0017-requests-stay-on-their-thread.md).
/// </summary>
/// <remarks>
/// What blocks such a thread blocks its other sockets, and waits for ever if it waits for one of them. So nothing here blocks, nothing of Npgsql is used but its
/// asynchronous calls, none with a token that is cancelled while it runs (<see cref="Shards.ShardSessions"/>), and what takes long without waiting goes to the pool (<see cref="Leave"/>).
/// </remarks>
internal static class SocketThreads
{
    /// <summary>This and the next are what .NET reads when the process makes its first socket; there is no other way to say it.</summary>
    private const string Inline = "DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS";

    private const string Count = "DOTNET_SYSTEM_NET_SOCKETS_THREAD_COUNT";

    /// <summary>Before the first socket is made. An environment that says otherwise is heeded.</summary>
    public static void RunRequests()
    {
        Default(Inline, "1");
        Default(Count, Math.Max(2, Environment.ProcessorCount).ToString(CultureInfo.InvariantCulture)); // with one, what holds it up would hold up all
    }

    /// <summary>Awaited, the rest goes on in the pool: for what takes a millisecond or more without waiting.</summary>
    public static ConfiguredTaskAwaitable Leave() => Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);

    private static void Default(string variable, string value)
    {
        if (Environment.GetEnvironmentVariable(variable) is null)
            Environment.SetEnvironmentVariable(variable, value);
    }
}
