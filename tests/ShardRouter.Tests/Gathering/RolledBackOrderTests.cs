using System.Collections.Concurrent;
using System.Globalization;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using ShardCore.Ring;
using ShardRouter.Gathering;
using ShardRouter.Keys;
using ShardRouter.Outcomes;
using ShardRouter.Shards;
using ShardRouter.Telemetry;
using TestCluster;

namespace ShardRouter.Tests.Gathering;

/// <summary>
/// Statements that are rolled back at random: because the shard is slow, and because of a row on which they wait. Whatever then goes
/// together again, alone, or behind one that goes alone: those on one key are carried out in the order in which they came, each once.
/// </summary>
public sealed class RolledBackOrderTests(SharedPostgres postgres)
{
    private const int Keys = 12;
    private const int Operations = 1500;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Operations_on_a_key_keep_their_order(int seed)
    {
        var database = await postgres.CreateShardAsync();
        await using var sessions = new ShardSessions(database.DataSource);
        using var metrics = new RouterMetrics();
        await using var pool = new ShardPool(
            new Shard(new ShardId("s1"), "127.0.0.1", 1, "db"), sessions, sessions, new StatementCancel(sessions), 4, new ShardCircuit(), metrics,
            NullLogger.Instance);
        var shard = new UnreliableShard(new Random(seed));
        await using var queue = new GatherQueue<Numbered, int>(
            new GatherKind<Numbered, int>(
                "write", Writes: true, Workers: 2, KeepsOrder: true, operation => operation.Key, _ => 0, _ => 0, _ => false,
                _ => new UnreliableStatement(shard), (_, operation, _) => shard.AloneAsync(operation)),
            pool, metrics);
        var random = new Random(seed);
        var keys = Enumerable.Range(0, Keys).Select(key => new ItemKey("c", key.ToString(CultureInfo.InvariantCulture), "x")).ToArray();

        var answers = new List<Task<Fenced<int>>>();
        for (var number = 0; number < Operations; number++)
        {
            answers.Add(queue.RunAsync(new Numbered(keys[random.Next(Keys)], number), CancellationToken.None));
            if (random.Next(60) == 0)
                await Task.Delay(random.Next(40));
        }
        var carriedOut = await Task.WhenAll(answers);

        Assert.Equal(Enumerable.Range(0, Operations), carriedOut.Select(answer => answer.Value));
        Assert.Equal(Operations, shard.CarriedOut.Values.Sum(numbers => numbers.Count));
        Assert.All(shard.CarriedOut.Values, numbers => Assert.Equal(numbers.Order(), numbers));
        Assert.InRange(shard.Slow, 3, Operations);
        Assert.InRange(shard.Locked, 3, Operations);
        Assert.Equal(0, queue.Length);
    }

    private sealed record Numbered(ItemKey Key, int Number);

    /// <summary>Carries out operations, or rolls all of a statement back.</summary>
    private sealed class UnreliableShard(Random random)
    {
        private readonly Lock _gate = new();

        public ConcurrentDictionary<ItemKey, List<int>> CarriedOut { get; } = [];

        public int Slow { get; private set; }

        public int Locked { get; private set; }

        public async Task<Fenced<int>[]> TogetherAsync(IReadOnlyList<Numbered> operations)
        {
            await Task.Delay(90); // so it counts as slow
            lock (_gate)
            {
                switch (random.Next(6))
                {
                    case 0 or 1 when operations.Count > 1:
                        Slow++;
                        throw Error(PostgresErrorCodes.QueryCanceled);
                    case 2:
                        Locked++;
                        throw Error(PostgresErrorCodes.LockNotAvailable);
                    default:
                        return [.. operations.Select(Apply)];
                }
            }
        }

        public async Task<Fenced<int>> AloneAsync(Numbered operation)
        {
            int pause;
            lock (_gate)
                pause = random.Next(30);
            await Task.Delay(pause);
            lock (_gate)
                return Apply(operation);
        }

        private Fenced<int> Apply(Numbered operation)
        {
            CarriedOut.GetOrAdd(operation.Key, _ => []).Add(operation.Number);
            return Fenced<int>.Answer(operation.Number);
        }

        private static PostgresException Error(string sqlState) => new("the test says so", "ERROR", "ERROR", sqlState);
    }

    private sealed class UnreliableStatement(UnreliableShard shard) : IGatheredStatement<Numbered, int>
    {
        public Task<Fenced<int>[]> ExecuteAsync(IReadOnlyList<Numbered> operations) => shard.TogetherAsync(operations);

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
