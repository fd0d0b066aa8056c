using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Npgsql;
using NpgsqlTypes;
using TestCluster;

namespace ShardAdmin.Tests.Moves;

/// <summary>
/// Writers as routers are some: each counts up in keys of its own, follows a slot to the owner that a refusal names, and
/// waits while it is moving. What was acknowledged is remembered.
/// </summary>
internal sealed class FollowingWriters : IAsyncDisposable
{
    private const int Writers = 3;

    private readonly AdminCluster _cluster;
    private readonly string[] _partitions;
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentDictionary<(string Pk, string Id), int> _acknowledged = new();
    private readonly Task[] _writers;
    private long _writes;

    private FollowingWriters(AdminCluster cluster, string[] partitions)
    {
        _cluster = cluster;
        _partitions = partitions;
        _writers = [.. Enumerable.Range(0, Writers).Select(writer => Task.Run(() => WriteAsync(writer)))];
    }

    public static async Task<FollowingWriters> StartAsync(AdminCluster cluster, int partitions)
    {
        var writers = new FollowingWriters(cluster, [.. Enumerable.Range(0, partitions).Select(number => $"p{number}")]);
        await writers.SomeAsync();
        return writers;
    }

    /// <summary>What was acknowledged last of each key, until now.</summary>
    public IReadOnlyDictionary<(string Pk, string Id), int> Acknowledged() => new Dictionary<(string, string), int>(_acknowledged);

    public async Task StopAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_writers);
    }

    /// <summary>What the owners of the slots have.</summary>
    public static async Task<IReadOnlyDictionary<(string Pk, string Id), int>> StoredAsync(AdminCluster cluster, int shards)
    {
        var stored = new Dictionary<(string, string), int>();
        for (var number = 1; number <= shards; number++)
        {
            await using var command = cluster.Database(number).DataSource.CreateCommand(
                "select i.pk, i.id, (i.doc ->> 'n')::integer from sharding.item i join sharding.slot_ownership o on o.slot = i.slot and o.state = 'owned' where i.id like 'w%'");
            await using var reader = await command.ExecuteReaderAsync();
            while (await reader.ReadAsync())
                stored.Add((reader.GetString(0), reader.GetString(1)), reader.GetInt32(2));
        }
        return stored;
    }

    public async Task SomeAsync()
    {
        var before = Interlocked.Read(ref _writes);
        await Eventually.ThatAsync(
            () => Interlocked.Read(ref _writes) > before + 200, TimeSpan.FromSeconds(60), "200 writes more were acknowledged");
    }

    /// <summary>Ends the writers; every key must hold what was acknowledged last, in exactly one shard's own slots.</summary>
    public async Task AssertNothingLostAsync(int shards)
    {
        await StopAsync();
        var stored = await StoredAsync(_cluster, shards);
        Assert.Equal(_acknowledged.OrderBy(each => each.Key).Select(each => (each.Key, each.Value)), stored.OrderBy(each => each.Key).Select(each => (each.Key, each.Value)));
    }

    private async Task WriteAsync(int writer)
    {
        for (var n = 1; !_stop.IsCancellationRequested; n++)
        {
            var (pk, id) = (_partitions[n % _partitions.Length], string.Create(CultureInfo.InvariantCulture, $"w{writer}"));
            await WriteAsync(pk, id, n);
            _acknowledged[(pk, id)] = n;
            Interlocked.Increment(ref _writes);
        }
    }

    private async Task WriteAsync(string pk, string id, int n)
    {
        var shard = 1;
        for (var limit = Stopwatch.StartNew(); limit.Elapsed < TimeSpan.FromSeconds(90);)
        {
            await using var command = _cluster.Database(shard).DataSource.CreateCommand(
                "select outcome, detail from sharding.write_items(false, array['put'], array[sharding.slot_of($1)], array['c'], array[$1], array[$2], array[$3], array['none'], array[null], array[null::integer], array[false])");
            command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = pk });
            command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = id });
            command.Parameters.Add(new NpgsqlParameter { Value = $"{{\"n\":{n}}}", NpgsqlDbType = NpgsqlDbType.Jsonb });
            string outcome;
            string? detail;
            try
            {
                await using var reader = await command.ExecuteReaderAsync();
                await reader.ReadAsync();
                (outcome, detail) = (reader.GetString(0), reader.IsDBNull(1) ? null : reader.GetString(1));
            }
            catch (PostgresException e) when (RolledBack.Is(e))
            {
                continue;
            }
            if (outcome is "created" or "replaced")
                return;
            using var parsed = JsonDocument.Parse(detail!);
            if (outcome == "not_owned")
                shard = parsed.RootElement.GetProperty("peer").GetString() is { } peer ? int.Parse(peer.AsSpan(1), CultureInfo.InvariantCulture) : (shard % _cluster.Databases) + 1;
            await Task.Delay(2);
        }
        Assert.Fail($"A write of {pk} found no owner.");
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_writers).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
    }
}
