using Chaos.Recording;

namespace Chaos.Workloads;

/// <summary>All four workloads together, on one cluster and with one recording.</summary>
internal sealed class WorkloadSet
{
    /// <summary>
    /// The steps per second of each workload at a rate of 1. A step is 1 to 2 requests; together they are about 350 requests per second.
    /// </summary>
    private const double RegisterRate = 120, AppendRate = 50, BankRate = 70, SetRate = 80;

    private const int Partitions = 6; // of each workload at the same time: a small number, because clients should meet

    public static readonly IReadOnlyList<string> Collections = ["register", "append", "bank", "ledger", "set"];

    private readonly ApiCaller _api;
    private readonly Recorder _recorder;

    /// <param name="keyOf">Returns the n-th partition key of a workload.</param>
    /// <param name="rate">The strength of the load; 1 is about 350 requests per second.</param>
    public WorkloadSet(ApiCaller api, Recorder recorder, int seed, double rate, Func<string, int, string> keyOf)
    {
        (_api, _recorder) = (api, recorder);
        var registers = new Neighbours<RegisterPartition>(Partitions);
        var lists = new Neighbours<AppendPartition>(Partitions);
        var sets = new Neighbours<SetPartition>(Partitions);
        Loads =
        [
            Load("register", seed, RegisterRate * rate, keyOf, (key, file, calls) => registers.Add(new RegisterPartition(key, file, calls("register"), registers))),
            Load("append", seed + 1, AppendRate * rate, keyOf, (key, file, calls) => lists.Add(new AppendPartition(key, file, calls("append"), lists))),
            Load("bank", seed + 2, BankRate * rate, keyOf, (key, file, calls) => new BankPartition(key, file, calls("bank"), calls("ledger"))),
            Load("set", seed + 3, SetRate * rate, keyOf, (key, file, calls) => sets.Add(new SetPartition(key, file, calls("set"), sets))),
        ];
    }

    public IReadOnlyList<WorkloadLoad> Loads { get; }

    public IEnumerable<string> ActiveKeys => Loads.SelectMany(load => load.ActiveKeys);

    /// <summary>The keys that clients write now, and those that they wrote before.</summary>
    public IEnumerable<string> AllKeys => Loads.SelectMany(load => load.AllKeys);

    /// <summary>The time of the recorder's clock, in microseconds.</summary>
    public long Now => _recorder.Now();

    public long Requests => Loads.Sum(load => load.Tally.Total);

    public Task RunAsync(CancellationToken stop) => Task.WhenAll(Loads.Select(load => load.RunAsync(stop)));

    public async Task ReadLastAsync(CancellationToken cancellation)
    {
        foreach (var load in Loads)
            await load.ReadLastAsync(cancellation);
    }

    private WorkloadLoad Load(string name, int seed, double rate, Func<string, int, string> keyOf, Func<string, PartitionRecorder, Func<string, ItemCalls>, IWorkloadPartition> make)
    {
        var tally = new WorkloadTally(name);
        return new WorkloadLoad(tally, seed, rate, Partitions, number =>
        {
            var key = keyOf(name, number);
            var file = _recorder.Open(name, key);
            return make(key, file, collection => new ItemCalls(_api, file, tally.Add, collection, key));
        });
    }
}
