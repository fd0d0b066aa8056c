using System.Net.Sockets;
using Npgsql;
using ShardCore.Shards;

namespace ShardRouter.Shards;

/// <summary>Calls that a session carries out until their time is over, and that are then cancelled.</summary>
/// <remarks>
/// Npgsql cancels by a connection of its own, on which it waits with a thread, and whoever then reads the session's answer waits for that thread. On a socket thread
/// (<see cref="Configuration.SocketThreads"/>) that can be a wait for itself. So the shard is asked by <c>pg_cancel_backend</c>, without a thread, and Npgsql's way is
/// left to servers that do not answer that: there nobody reads, and the connection is to be given up.
/// </remarks>
/// <param name="control">Connections that are not in use when all others wait.</param>
internal sealed class SessionCalls(NpgsqlDataSource control)
{
    private static readonly TimeSpan LongestPause = TimeSpan.FromMilliseconds(500);

    /// <returns>What the call gives; it throws what the call throws, which is 57014 when it was cancelled and so rolled back.</returns>
    /// <remarks>Returns only when no cancellation is under way any more: the session's next statement must not be met by it.</remarks>
    public async Task<T> RunAsync<T>(NpgsqlConnection connection, Func<NpgsqlConnection, CancellationToken, Task<T>> call, CancellationToken deadline)
    {
        using var hangs = new CancellationTokenSource();
        var running = call(connection, hangs.Token);
        await ((Task)running).WaitAsync(deadline).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        // Again and again: one that comes before the statement does, or between two of them, ends nothing.
        for (var pause = TimeSpan.FromMilliseconds(5); !running.IsCompleted; pause = pause * 2 < LongestPause ? pause * 2 : LongestPause)
        {
            if (!await TryCancelAsync(connection.ProcessID))
            {
                _ = hangs.CancelAsync(); // its callback blocks if the server hangs; not on this thread
                break;
            }
            await Task.WhenAny(running, Task.Delay(pause, CancellationToken.None));
        }
        return await running;
    }

    /// <returns>False: the server does not answer.</returns>
    private async Task<bool> TryCancelAsync(int processId)
    {
        try
        {
            await using var connection = await control.OpenAsync(CancellationToken.None);
            await using var command = new NpgsqlCommand("select pg_cancel_backend($1)", connection) { Parameters = { new NpgsqlParameter<int> { TypedValue = processId } } };
            await command.ExecuteNonQueryAsync(CancellationToken.None);
            return true;
        }
        catch (Exception e) when (e is NpgsqlException or TimeoutException or IOException or SocketException or ObjectDisposedException)
        {
            return false;
        }
    }
}
