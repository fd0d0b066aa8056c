using System.Diagnostics;
using Npgsql;
using ShardCore.Ring;
using ShardCore.Shards;
using ShardRouter.Telemetry;

namespace ShardRouter.Shards;

/// <summary>
/// The way to one shard: its connections, a bulkhead so that a slow shard cannot hold more than its own requests, and
/// its circuit.
/// </summary>
internal sealed partial class ShardPool(Shard shard, NpgsqlDataSource source, NpgsqlDataSource gatherSource, SessionCalls calls, int size, ShardCircuit circuit, RouterMetrics metrics, ILogger log) : IDisposable
{
    /// <summary>More requests than this waiting for one shard are turned away: their deadline would pass in the queue.</summary>
    public const int MaxWaiting = 4096;

    private const int MaxAttempts = 5;

    private readonly SemaphoreSlim _permits = new(size, size);
    private readonly StaleSessions _stale = new(source);
    private int _waiting;

    public Shard Shard => shard;

    /// <summary>Connections for single calls.</summary>
    public NpgsqlDataSource Source => source;

    /// <summary>Connections that gathering workers keep for themselves.</summary>
    public NpgsqlDataSource GatherSource => gatherSource;

    public ShardCircuit Circuit => circuit;

    public int InUse => size - _permits.CurrentCount;

    public int Waiting => Volatile.Read(ref _waiting);

    /// <summary>Runs one call on a connection of the shard, and counts it.</summary>
    /// <exception cref="ShardCallException">No answer.</exception>
    public async Task<T> RunAsync<T>(string operation, bool writes, Func<NpgsqlConnection, CancellationToken, Task<T>> call, CancellationToken deadline)
    {
        ThrowIfOpen(); // not called, so not counted
        var startedAt = Stopwatch.GetTimestamp();
        try
        {
            return await RunUncountedAsync(writes, call, deadline);
        }
        catch (ShardCallException e)
        {
            metrics.ShardFailed(shard.Id.Value, e.Failure);
            throw;
        }
        finally
        {
            metrics.ShardAnswered(shard.Id.Value, operation, startedAt);
        }
    }

    /// <summary>For an operation that is counted where it has waited before.</summary>
    /// <param name="writes">A lost connection then means that the outcome is unknown, and nothing is repeated.</param>
    /// <param name="call">Must have read its answer to the end when it returns: only then has the commit happened.</param>
    /// <param name="deadline">Cancelled when the request's time is over.</param>
    /// <exception cref="ShardCallException">No answer.</exception>
    public async Task<T> RunUncountedAsync<T>(bool writes, Func<NpgsqlConnection, CancellationToken, Task<T>> call, CancellationToken deadline)
    {
        await EnterAsync(deadline);
        return await CallLimit.WithinAsync(CallAsync(writes, call, deadline), writes, shard.Id.Value, deadline);
    }

    /// <exception cref="ShardCallException">The shard is not worth asking now.</exception>
    public void ThrowIfOpen()
    {
        if (!circuit.IsClosed)
            throw new ShardCallException(ShardFailure.Unavailable, shard.Id.Value);
    }

    private async Task<T> CallAsync<T>(bool writes, Func<NpgsqlConnection, CancellationToken, Task<T>> call, CancellationToken deadline)
    {
        try
        {
            for (var attempt = 1; ; attempt++)
            {
                var sent = false;
                try
                {
                    await using var connection = await source.OpenAsync(deadline);
                    sent = true;
                    return await calls.RunAsync(connection, call, deadline);
                }
                catch (Exception e) when (attempt == 1 && ShardErrors.IsEndedIdle(e))
                {
                    _stale.EndIdle(); // nothing was applied; once more, on a fresh connection
                }
                catch (Exception e) when (attempt < MaxAttempts && MayRepeat(e, sent, writes))
                {
                    // nothing was applied; once more
                }
                catch (Exception e) when (ShardErrors.Classify(e, mayHaveLanded: sent && writes) is { } failure)
                {
                    throw Failed(failure, e, sent);
                }
            }
        }
        finally
        {
            _permits.Release();
        }
    }

    private static bool MayRepeat(Exception error, bool sent, bool writes) =>
        ShardErrors.IsRolledBackAndRepeatable(error) || (sent && !writes && ShardErrors.IsConnectionLost(error));

    private async Task EnterAsync(CancellationToken deadline)
    {
        ThrowIfOpen();
        if (_permits.Wait(0, CancellationToken.None))
            return;
        if (Interlocked.Increment(ref _waiting) > MaxWaiting)
        {
            Interlocked.Decrement(ref _waiting);
            throw new ShardCallException(ShardFailure.Overloaded, shard.Id.Value);
        }
        try
        {
            await _permits.WaitAsync(deadline);
        }
        catch (OperationCanceledException e)
        {
            throw new ShardCallException(ShardFailure.DeadlineExceeded, shard.Id.Value, e);
        }
        finally
        {
            Interlocked.Decrement(ref _waiting);
        }
        if (!circuit.IsClosed) // it went away while we waited: do not march one by one into a connect timeout
        {
            _permits.Release();
            throw new ShardCallException(ShardFailure.Unavailable, shard.Id.Value);
        }
    }

    /// <summary>Logs a failure, and opens the circuit when there is no connection to be had.</summary>
    public ShardCallException Failed(ShardFailure failure, Exception error, bool sent)
    {
        if (ShardErrors.IsReadOnly(error))
            _stale.EndReadOnly();
        if (failure is ShardFailure.Unavailable or ShardFailure.OutcomeUnknown or ShardFailure.Defect && error is not OperationCanceledException)
        {
            if (!sent && error is not PostgresException)
                circuit.Open(error.Message); // no connection to be had; the monitor closes it again
            LogFailed(shard.Id.Value, failure, error.GetType().Name, error is PostgresException postgres ? postgres.SqlState + " " + postgres.MessageText : error.Message);
        }
        return new ShardCallException(failure, shard.Id.Value, error);
    }

    public void Dispose() => _permits.Dispose();

    [LoggerMessage(LogLevel.Warning, "A call of shard {Shard} failed ({Failure}, {Error}): {Reason}")]
    private partial void LogFailed(string shard, ShardFailure failure, string error, string reason);
}
