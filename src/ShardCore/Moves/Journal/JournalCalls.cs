using System.Diagnostics;
using Dapper;
using Npgsql;
using ShardCore.Moves.Failures;
using ShardCore.Shards;

namespace ShardCore.Moves.Journal;

/// <summary>Calls the source for <see cref="MoveJournal"/> and <see cref="MoveReports"/>.</summary>
/// <exception cref="AttemptOverException">Every call that names an attempt throws this if it is not the current one.</exception>
internal sealed class JournalCalls(ShardDatabase source)
{
    /// <summary>SQL for a transaction that may be lost in a crash: its commit does not wait for the disk.</summary>
    public const string NotOnDisk = "set local synchronous_commit = off;";

    private const string AttemptOver = "SH011";

    /// <summary>The error code: hand-overs are held for a backup point, and nothing was done.</summary>
    private const string Held = "SH015";

    /// <summary>Longer than any hold lasts (migrations/shard/0008).</summary>
    private static readonly TimeSpan LongestHold = TimeSpan.FromMinutes(2);

    private static readonly TimeSpan HoldPause = TimeSpan.FromMilliseconds(50);

    /// <summary>
    /// Runs one transaction in one round trip. A process that is stopped in the middle of it holds no lock, because the server needs
    /// nothing more from it to commit. If BEGIN and COMMIT were separate calls, the journal row would stay locked until the process wakes.
    /// </summary>
    /// <remarks>While hand-overs are held for a backup point, a step that must not be taken then is tried again.</remarks>
    /// <param name="afterwards">SQL that runs behind the commit, in the same round trip; null: none.</param>
    public Task<T> AsOneAsync<T>(
        string sql, object parameters, Func<NpgsqlConnection, CommandDefinition, Task<T>> run, CancellationToken cancellation,
        string? afterwards = null) =>
        WhenNotHeldAsync(() => OnceAsync(sql, parameters, run, cancellation, afterwards), cancellation);

    /// <summary>Makes a call, and repeats it while hand-overs are held for a backup point.</summary>
    /// <exception cref="MoveFailedException">Hand-overs are held longer than any backup point takes.</exception>
    public static async Task<T> WhenNotHeldAsync<T>(Func<Task<T>> call, CancellationToken cancellation)
    {
        for (var clock = Stopwatch.StartNew(); ; await Task.Delay(HoldPause, cancellation))
            try
            {
                return await call();
            }
            catch (PostgresException e) when (e.SqlState == Held)
            {
                if (clock.Elapsed > LongestHold)
                    throw new MoveFailedException(
                        $"Hand-overs have been held for {LongestHold}, longer than any backup point takes: {e.MessageText}.");
            }
    }

    /// <returns>False: a lock was not available in time, or hand-overs are held for a backup point.</returns>
    public async Task<bool> TryAsync(string sql, object parameters, CancellationToken cancellation)
    {
        try
        {
            await OnceAsync<object?>(sql, parameters, ScalarAsync<object?>, cancellation);
            return true;
        }
        catch (PostgresException e) when (
            e.SqlState is Held or PostgresErrorCodes.LockNotAvailable or PostgresErrorCodes.DeadlockDetected
                or PostgresErrorCodes.QueryCanceled
            && !cancellation.IsCancellationRequested)
        {
            return false;
        }
    }

    public Task<T> RunAsync<T>(string sql, object parameters, CancellationToken cancellation) =>
        AsOneAsync(sql, parameters, ScalarAsync<T>, cancellation);

    private static async Task<T> ScalarAsync<T>(NpgsqlConnection connection, CommandDefinition command) =>
        (await connection.ExecuteScalarAsync<T>(command))!;

    private async Task<T> OnceAsync<T>(
        string sql, object parameters,
        Func<NpgsqlConnection, CommandDefinition, Task<T>> run, CancellationToken cancellation, string? afterwards = null)
    {
        await using var connection = await source.OpenAsync(cancellation);
        try
        {
            return await run(connection, new CommandDefinition($"begin isolation level read committed; {sql}; "
                + $"commit{(afterwards is null ? "" : "; " + afterwards)}", parameters, cancellationToken: cancellation));
        }
        catch (PostgresException e) when (e.SqlState == AttemptOver)
        {
            throw new AttemptOverException(e.MessageText, e);
        }
    }
}
