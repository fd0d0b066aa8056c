using System.Globalization;
using ShardRouter.Tests.Setup;

namespace ShardRouter.Tests.Costs;

/// <summary>Processor time of a router and of the sessions at its shards: what a request costs, however busy the machine is.</summary>
internal sealed class ProcessorTime(OwnCluster own)
{
    public async Task<TimeSpan> OfAsync(Func<Task> request)
    {
        var before = await ReadAsync();
        await request();
        var after = await ReadAsync();
        return TimeSpan.FromMicroseconds(after.Sum(thread => thread.Value - before.GetValueOrDefault(thread.Key)) / 1000.0);
    }

    /// <returns>Nanoseconds by thread.</returns>
    private async Task<Dictionary<int, long>> ReadAsync()
    {
        var names = string.Join(',', own.Cluster.Shards.Select(shard => $"'{shard.Database.Name}'"));
        var sessions = await own.Cluster.Shards[0].Database.ScalarAsync<int[]>(
            $"select array_agg(pid) from pg_stat_activity where backend_type = 'client backend' and datname in ({names}) and pid <> pg_backend_pid()");
        var threads = Directory.GetDirectories($"/proc/{own.Router.ProcessId}/task").Select(folder => int.Parse(Path.GetFileName(folder), CultureInfo.InvariantCulture));
        return threads.Concat(sessions!).Select(id => (Id: id, Spent: NanosecondsOf(id))).Where(each => each.Spent > 0).ToDictionary(each => each.Id, each => each.Spent);
    }

    private static long NanosecondsOf(int thread)
    {
        try
        {
            return long.Parse(File.ReadAllText($"/proc/{thread}/schedstat").Split(' ')[0], CultureInfo.InvariantCulture);
        }
        catch (IOException)
        {
            return 0; // it has ended
        }
    }
}
