using System.Globalization;
using System.Runtime.CompilerServices;

namespace ShardRouter.Configuration;

/// <summary>
/// A request is handled on the thread that found its bytes on the socket. If it went to its shard alone, it continues on the thread
/// that found the answer. There are as many such threads as processors. Handing each request over to the pool, up to four times, cost more
/// than the rest of its way (docs/adr/0017-requests-stay-on-their-thread.md).
/// </summary>
/// <remarks>
/// Code that blocks such a thread blocks its other sockets. If it waits for one of these sockets, it blocks for ever. So nothing here
/// blocks. Of Npgsql only asynchronous calls are used, and none with a token that is cancelled while it runs
/// (<see cref="Shards.ShardSessions"/>). Work that takes long without waiting goes to the pool (<see cref="Leave"/>).
/// </remarks>
internal static class SocketThreads
{
    /// <summary>
    /// .NET reads this variable and the next one when the process makes its first socket. There is no other way to set this.
    /// </summary>
    private const string Inline = "DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS";

    private const string Count = "DOTNET_SYSTEM_NET_SOCKETS_THREAD_COUNT";

    /// <summary>Must be called before the first socket is made. A variable that the environment sets is kept.</summary>
    public static void RunRequests()
    {
        Default(Inline, "1");
        // With one thread, a request that holds it up would hold up all others.
        Default(Count, Math.Max(2, Environment.ProcessorCount).ToString(CultureInfo.InvariantCulture));
    }

    /// <summary>
    /// After an await of this, the method goes on in the pool. It is for work that takes a millisecond or more without waiting.
    /// </summary>
    public static ConfiguredTaskAwaitable Leave() => Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);

    private static void Default(string variable, string value)
    {
        if (Environment.GetEnvironmentVariable(variable) is null)
            Environment.SetEnvironmentVariable(variable, value);
    }
}
