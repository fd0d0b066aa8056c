using LoadTests.Http;

namespace LoadTests.Scenarios;

/// <summary>The load scenarios. There is none for a query over all partitions: the service has no such query.</summary>
internal static class LoadCases
{
    private const int Users = 64;

    public static IReadOnlyList<LoadCase> All { get; } =
    [
        new("read", "GET of single items", 2000, Users, (name, proxy) => HttpSession.Scenario(name, proxy, RequestMix.Gets)),
        new("write", "durable PUT of existing items", 1000, Users, (name, proxy) => HttpSession.Scenario(name, proxy, RequestMix.Puts)),
        new("mixed", "80 % GET, 20 % PUT", 1500, Users, (name, proxy) => HttpSession.Scenario(name, proxy, RequestMix.Mixed)),
        new("hot-partition", "80 % GET, 20 % PUT; one partition gets half of all requests", 1500, Users, (name, proxy) => HttpSession.Scenario(name, proxy, RequestMix.HotPartition))
        {
            Items = ItemSet.Hot,
        },
        Large("large-64k", "80 % GET, 20 % PUT of documents of 64 KiB", 200, ItemSet.Large64KiB),
        Large("large-900k", "80 % GET, 20 % PUT of documents of 900 KiB", 10, ItemSet.Large900KiB),
        new("list", "pages of 100 items of one partition of 1,000, by cursor (there is no query over several partitions)", 100, 16, ListSession.Scenario)
        {
            Items = ItemSet.Hot,
        },
        new("batch", "batchGet of 100 random keys over both shards; each of the 100 documents is checked", 50, 16, BatchSession.Scenario),
        new("connection-churn", "80 % GET, 20 % PUT, each on a new TCP connection", 300, Users, (name, proxy) => HttpSession.Scenario(name, proxy, RequestMix.Mixed, requestsPerConnection: 1)),
        new("during-add-shard", "80 % GET, 20 % PUT while a third shard joins and takes its share; no request may fail", 500, Users, (name, proxy) => HttpSession.Scenario(name, proxy, RequestMix.Mixed))
        {
            Event = new AddShardEvent(),
            Seconds = 90, // it takes about half a minute
        },
        new("during-router-death", "80 % GET, 20 % PUT while one of two routers is killed and comes back; failures are counted", 1000, Users, (name, proxy) => HttpSession.Scenario(name, proxy, RequestMix.Mixed))
        {
            Event = new RouterDeathEvent(),
            MayFail = true,
        },
    ];

    private static LoadCase Large(string name, string description, double perSecond, ItemSet items) =>
        new(name, description, perSecond, 16, (scenario, proxy) => HttpSession.Scenario(scenario, proxy, RequestMix.MixedOf(items), items.RequestBytes)) { Items = items };
}
