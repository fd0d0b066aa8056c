using System.Diagnostics;
using Npgsql;
using Workbench;

namespace LoadTests.Cluster;

/// <summary>One hand-over.</summary>
/// <param name="Slots">The slots of the batch.</param>
/// <param name="From">A timestamp of the stopwatch: when the slots were first seen frozen or released, minus the pause. It is wrong by at
/// most the time between two looks, like <paramref name="To"/>.</param>
/// <param name="To">When the end of the hand-over was first seen.</param>
/// <param name="Pause">How long writes were held, according to the mover.</param>
internal sealed record Cutover(IReadOnlyList<short> Slots, long From, long To, TimeSpan Pause);

/// <summary>Reads the source's journal while a move runs, and notes when each batch was handed over.</summary>
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

    /// <summary>Call it after the move: only then the history has the pauses.</summary>
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
                // Takes no token: after a cancellation the library waits, sometimes for 30 s, on the thread that all sockets of the load
                // need.
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
