using System.Collections.Concurrent;
using System.Globalization;
using Npgsql;
using ShardRouter.Keys;
using ShardRouter.Outcomes;
using ShardRouter.Shards;
using TestCluster;

namespace ShardRouter.Tests.Gathering;

/// <summary>
/// Everything that can happen to gathered operations, at random and at the same time: slow statements, rows on which they wait, lost
/// connections, deadlines, and a circuit that opens. Each operation ends once, as it is told, and what is told is true.
/// </summary>
public sealed class GatherStressTests(SharedPostgres postgres, ITestOutputHelper output)
{
    private const int Seconds = 3;

    [Theory]
    [InlineData(1, true)]
    [InlineData(5, true)]
    [InlineData(1, false)]
    public async Task What_is_told_is_true(int seed, bool writes)
    {
        var database = await postgres.CreateShardAsync();
        var shard = new Simulation(seed);
        await using var scripted = new ScriptedShard(database.DataSource, writes, shard.TogetherAsync, shard.AloneAsync);
        var outcomes = new ConcurrentDictionary<int, ShardFailure?>();
        var next = 0;
        var ends = Environment.TickCount64 + (Seconds * 1000);
        var keys = Enumerable.Range(0, 24).Select(key => new ItemKey("c", key.ToString(CultureInfo.InvariantCulture), "x")).ToArray();

        async Task OneAsync(Numbered operation, int time)
        {
            using var deadline = time > 0 ? new CancellationTokenSource(time) : new CancellationTokenSource();
            try
            {
                var answer = await scripted.Queue.RunAsync(operation, deadline.Token);
                Assert.Equal(operation.Number, answer.Value);
                Assert.True(outcomes.TryAdd(operation.Number, null));
            }
            catch (ShardCallException e)
            {
                Assert.True(outcomes.TryAdd(operation.Number, e.Failure));
            }
        }

        async Task KeyAsync(ItemKey key, Random random)
        {
            var mine = new List<Task>();
            while (Environment.TickCount64 < ends)
            {
                for (var burst = random.Next(1, 12); burst > 0; burst--)
                    mine.Add(OneAsync(new Numbered(key, Interlocked.Increment(ref next)), random.Next(3) == 0 ? random.Next(1, 120) : 0));
                await Task.Delay(random.Next(1, 60));
                if (mine.Count > 300)
                    await Task.WhenAll(mine).WaitAsync(TimeSpan.FromSeconds(30));
            }
            await Task.WhenAll(mine).WaitAsync(TimeSpan.FromSeconds(30));
        }

        async Task BreakAsync(Random random)
        {
            while (Environment.TickCount64 < ends)
            {
                await Task.Delay(random.Next(50, 400));
                scripted.Circuit.Open("the test says so");
                await Task.Delay(random.Next(1, 30));
                scripted.Circuit.Close();
            }
        }

        try
        {
            await Task.WhenAll([.. keys.Select((key, i) => Task.Run(() => KeyAsync(key, new Random((seed * 1000) + i)))), Task.Run(() => BreakAsync(new Random(seed)))]);
        }
        catch (TimeoutException)
        {
            output.WriteLine($"{next - outcomes.Count} of {next} hang; length {scripted.Queue.Length}");
            throw;
        }

        shard.IsCalm = true;
        foreach (var key in keys)
            await OneAsync(new Numbered(key, Interlocked.Increment(ref next)), 0).WaitAsync(TimeSpan.FromSeconds(10));
        Assert.Equal(0, scripted.Queue.Length);
        Assert.Equal(next, outcomes.Count);
        var applied = shard.CarriedOut.Values.SelectMany(each => each).ToArray();
        output.WriteLine($"{next}: " + string.Join(", ", outcomes.Values.CountBy(each => each?.ToString() ?? "done").Select(each => $"{each.Key} {each.Value}")) + "; " + shard.Counts);
        if (!writes)
            return;
        Assert.Equal(applied.Length, applied.Distinct().Count());
        Assert.All(shard.CarriedOut.Values, numbers => Assert.Equal(numbers.Order(), numbers));
        var set = applied.ToHashSet();
        Assert.All(outcomes, each => Assert.True(each.Value switch
        {
            null => set.Contains(each.Key),
            ShardFailure.OutcomeUnknown => true,
            _ => !set.Contains(each.Key),
        }, $"{each.Key} was told {each.Value}"));
    }

    private sealed class Simulation(int seed)
    {
        private readonly Random _random = new(seed);
        private readonly Lock _gate = new();
        private int _slow, _locked, _lost, _alone, _ok;

        public ConcurrentDictionary<ItemKey, List<int>> CarriedOut { get; } = [];

        public bool IsCalm { get; set; }

        public string Counts => $"ok {_ok}, slow {_slow}, locked {_locked}, lost {_lost}, alone {_alone}";

        public async Task<Fenced<int>[]> TogetherAsync(IReadOnlyList<Numbered> operations)
        {
            int what, pause;
            lock (_gate)
                (what, pause) = (IsCalm ? 99 : _random.Next(30), _random.Next(_random.Next(4) == 0 ? 60 : 4));
            if (pause > 0)
                await Task.Delay(pause);
            lock (_gate)
            {
                switch (what)
                {
                    case < 10:
                        _slow++;
                        throw ScriptedShard.Error(PostgresErrorCodes.QueryCanceled);
                    case < 14:
                        _locked++;
                        throw ScriptedShard.Error(PostgresErrorCodes.LockNotAvailable);
                    case 14:
                        _lost++;
                        Apply(operations);
                        throw new NpgsqlException("lost", new IOException());
                    case 15:
                        _lost++;
                        throw new NpgsqlException("lost", new IOException());
                    default:
                        _ok++;
                        return Apply(operations);
                }
            }
        }

        public async Task<Fenced<int>> AloneAsync(Numbered operation, CancellationToken deadline)
        {
            int pause;
            lock (_gate)
                pause = _random.Next(20);
            if (pause > 3)
                await Task.Delay(pause, CancellationToken.None);
            else if (pause == 3)
                await Task.Yield();
            if (deadline.IsCancellationRequested)
                throw new ShardCallException(ShardFailure.DeadlineExceeded, "s1");
            lock (_gate)
            {
                _alone++;
                return Apply([operation])[0];
            }
        }

        private Fenced<int>[] Apply(IReadOnlyList<Numbered> operations)
        {
            foreach (var operation in operations)
                CarriedOut.GetOrAdd(operation.Key, _ => []).Add(operation.Number);
            return [.. operations.Select(each => Fenced<int>.Answer(each.Number))];
        }
    }
}
