using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Npgsql;
using NpgsqlTypes;
using ShardCore.Ring;
using TestCluster;

namespace ShardCore.Tests.Moves;

/// <summary>
/// Writers as the router is one: each counts up in keys of its own, follows a slot to its new owner, waits while it is
/// moving, and deletes and makes some keys again. What was acknowledged is remembered.
/// </summary>
internal sealed class CountingWriters : IAsyncDisposable
{
    private const int Writers = 4;

    private static readonly string Large = new('x', 4000);

    private readonly MovingShards _shards;
    private readonly string[] _partitions;
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentDictionary<(string Pk, string Id), int> _acknowledged = new();
    private readonly Task[] _writers;
    private long _writes;
    private long _longestTicks;

    private CountingWriters(MovingShards shards, IEnumerable<string> partitions)
    {
        _shards = shards;
        _partitions = [.. partitions];
        _writers = [.. Enumerable.Range(0, Writers).Select(writer => Task.Run(() => WriteAsync(writer)))];
    }

    public static CountingWriters Start(MovingShards shards, IEnumerable<string> partitions) => new(shards, partitions);

    public long Writes => Interlocked.Read(ref _writes);

    /// <summary>The longest that one write took, waiting included.</summary>
    public TimeSpan Longest => Stopwatch.GetElapsedTime(0, Interlocked.Read(ref _longestTicks));

    public async Task StopAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_writers);
    }

    /// <returns>A line for each key that does not hold exactly what was acknowledged last.</returns>
    public async Task<List<string>> WrongAsync(ShardId owner)
    {
        var wrong = new List<string>();
        foreach (var ((pk, id), expected) in _acknowledged)
        {
            await using var command = _shards.Of(owner).CreateCommand("select (doc ->> 'n')::integer from sharding.item where slot = sharding.slot_of($1) and collection = 'c' and pk = $1 and id = $2");
            command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = pk });
            command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = id });
            var stored = await command.ExecuteScalarAsync() as int?;
            if (stored != (expected < 0 ? null : expected))
                wrong.Add($"{pk}/{id}: acknowledged {expected}, stored {stored?.ToString(CultureInfo.InvariantCulture) ?? "nothing"}");
        }
        return wrong;
    }

    private async Task WriteAsync(int writer)
    {
        for (var n = 1; !_stop.IsCancellationRequested; n++)
        {
            var pk = _partitions[n % _partitions.Length];
            var id = string.Create(CultureInfo.InvariantCulture, $"w{writer}-{n / _partitions.Length % 5}");
            var startedAt = Stopwatch.GetTimestamp();
            switch (n % 7)
            {
                case 0:
                    await WriteAsync("delete", pk, id, null);
                    _acknowledged[(pk, id)] = -1;
                    break;
                case 1: // a large text stays where it is when only the number changes: unchanged TOAST in the stream
                    await WriteAsync("put", pk, id, $"{{\"n\":{n},\"large\":\"{Large}{n}\"}}");
                    _acknowledged[(pk, id)] = n;
                    break;
                default:
                    await WriteAsync("put", pk, id, $"{{\"n\":{n}}}");
                    _acknowledged[(pk, id)] = n;
                    break;
            }
            Interlocked.Increment(ref _writes);
            var took = Stopwatch.GetTimestamp() - startedAt;
            for (var longest = _longestTicks; took > longest && Interlocked.CompareExchange(ref _longestTicks, took, longest) != longest; longest = _longestTicks)
            {
                // somebody else was longer meanwhile
            }
        }
    }

    private async Task WriteAsync(string operation, string pk, string id, string? doc)
    {
        var shard = MovingShards.First;
        for (var limit = Stopwatch.StartNew(); limit.Elapsed < TimeSpan.FromSeconds(30);)
        {
            await using var command = _shards.Of(shard).CreateCommand(
                "select outcome, detail from sharding.write_items(false, array[$1], array[sharding.slot_of($2)], array['c'], array[$2], array[$3], array[$4], array['none'], array[null], array[null::integer], array[false])");
            command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = operation });
            command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = pk });
            command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = id });
            command.Parameters.Add(new NpgsqlParameter { Value = (object?)doc ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.Jsonb });
            string outcome, detail;
            try
            {
                await using var reader = await command.ExecuteReaderAsync();
                await reader.ReadAsync();
                outcome = reader.GetString(0);
                detail = reader.IsDBNull(1) ? "{}" : reader.GetString(1);
            }
            catch (PostgresException e) when (RolledBack.Is(e))
            {
                continue;
            }
            if (outcome is not ("moving" or "not_owned"))
                return;
            using var parsed = JsonDocument.Parse(detail);
            if (outcome == "not_owned" && parsed.RootElement.GetProperty("peer").GetString() is { } peer)
                shard = new ShardId(peer);
            await Task.Delay(1);
        }
        Assert.Fail($"A write of {pk}/{id} found no owner for 30 s.");
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _stop.Dispose();
    }
}
