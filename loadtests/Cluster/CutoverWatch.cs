using System.Diagnostics;
using Npgsql;

namespace LoadTests.Cluster;

/// <param name="Slots">Of the batch.</param>
/// <param name="From">Timestamps of the stopwatch, at most a look early or late: when its slots were first seen frozen or released, less the pause.</param>
/// <param name="To">When the hand-over was first seen.</param>
/// <param name="Pause">How long the mover says that writes were held.</param>
internal sealed record Cutover(IReadOnlyList<short> Slots, long From, long To, TimeSpan Pause);

/// <summary>Looks into the source's journal while a move runs, to know when each batch was handed over.</summary>
internal sealed class CutoverWatch : IAsyncDisposable
{
    public static readonly TimeSpan LookInterval = TimeSpan.FromMilliseconds(20);

    private const string Sql = "select move_id, slots, phase = 'frozen' from sharding.move where phase not in ('planned', 'copying')";

    private readonly ShardServer _source;
    private readonly CancellationTokenSource _stop = new();
    private readonly Dictionary<Guid, Seen> _seen = [];
    private readonly Task _looking;

    public CutoverWatch(ShardServer source)
    {
        _source = source;
        _looking = LookAsync();
    }

    /// <summary>To be called after the move: the pauses are in its history.</summary>
    public async Task<IReadOnlyList<Cutover>> EndAsync(CancellationToken cancellation)
    {
        await DisposeAsync();
        await using var shard = new NpgsqlConnection(_source.ConnectionString);
        await shard.OpenAsync(cancellation);
        await using var command = new NpgsqlCommand("select move_id, pause_ms from sharding.move_history where pause_ms is not null", shard);
        await using var reader = await command.ExecuteReaderAsync(cancellation);
        var cutovers = new List<Cutover>();
        while (await reader.ReadAsync(cancellation))
            if (_seen.TryGetValue(reader.GetGuid(0), out var seen) && seen.ReleasedAt is { } released)
            {
                var pause = TimeSpan.FromMilliseconds(reader.GetDouble(1));
                var began = released - (long)((pause + LookInterval).TotalSeconds * Stopwatch.Frequency);
                cutovers.Add(new Cutover(seen.Slots, Math.Min(began, seen.FrozenAt ?? began), released, pause));
            }
        return cutovers;
    }

    private async Task LookAsync()
    {
        try
        {
            await using var shard = new NpgsqlConnection(_source.ConnectionString);
            await shard.OpenAsync(CancellationToken.None);
            await using var command = new NpgsqlCommand(Sql, shard);
            await command.PrepareAsync(CancellationToken.None);
            while (true)
            {
                // Not to be cancelled: the library then waits on the thread that all sockets of the load need, once in a while for 30 s.
                await using (var reader = await command.ExecuteReaderAsync(CancellationToken.None))
                    while (await reader.ReadAsync(CancellationToken.None))
                        See(reader.GetGuid(0), reader.GetFieldValue<short[]>(1), reader.GetBoolean(2));
                await Task.Delay(LookInterval, _stop.Token);
            }
        }
        catch (OperationCanceledException)
        {
            // the move is over
        }
    }

    private void See(Guid batch, short[] slots, bool frozen)
    {
        if (!_seen.TryGetValue(batch, out var seen))
            _seen.Add(batch, seen = new Seen(slots));
        if (frozen)
            seen.FrozenAt ??= Stopwatch.GetTimestamp();
        else
            seen.ReleasedAt ??= Stopwatch.GetTimestamp();
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _looking;
    }

    private sealed class Seen(short[] slots)
    {
        public short[] Slots => slots;
        public long? FrozenAt { get; set; }
        public long? ReleasedAt { get; set; }
    }
}
