using System.Diagnostics;
using Dapper;
using Npgsql;
using ShardCore.Moves.Failures;
using ShardCore.Shards;

namespace ShardCore.Moves.Journal;

/// <summary>How <see cref="MoveJournal"/> and <see cref="MoveReports"/> call the source.</summary>
/// <exception cref="AttemptOverException">From every call that names an attempt: it is not the current one.</exception>
internal sealed class JournalCalls(ShardDatabase source)
{
    /// <summary>For what may be lost in a crash: the transaction does not wait for the disk.</summary>
    public const string NotOnDisk = "set local synchronous_commit = off;";

    private const string AttemptOver = "SH011";

    /// <summary>Hand-overs are held for a backup point. Nothing was done.</summary>
    private const string Held = "SH015";

    /// <summary>Longer than any hold lasts (migrations/shard/0008).</summary>
    private static readonly TimeSpan LongestHold = TimeSpan.FromMinutes(2);

    private static readonly TimeSpan HoldPause = TimeSpan.FromMilliseconds(50);

    /// <summary>
    /// One transaction in one flight: a process that is stopped in the middle of it holds no lock, because the server needs
    /// nothing more of it to commit. BEGIN and COMMIT as calls of their own would leave the journal row locked until it wakes.
    /// </summary>
    /// <remarks>While hand-overs are held for a backup point, a step that may not be taken then is tried again.</remarks>
    /// <param name="afterwards">SQL that runs behind the commit, in the same flight; null: none.</param>
    public Task<T> AsOneAsync<T>(
        string sql, object parameters, Func<NpgsqlConnection, CommandDefinition, Task<T>> run, CancellationToken cancellation, string? afterwards = null) =>
        WhenNotHeldAsync(() => OnceAsync(sql, parameters, run, cancellation, afterwards), cancellation);

    /// <summary>While hand-overs are held for a backup point, it is tried again.</summary>
    /// <exception cref="MoveFailedException">They are held longer than any backup point takes.</exception>
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

    /// <returns>False: a lock was not to be had in time, or hand-overs are held for a backup point.</returns>
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
