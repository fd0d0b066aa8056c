using System.Globalization;
using LoadTests.Chaos.Cluster;

namespace LoadTests.Cluster;

/// <summary>The CPU time that a server and all its processes have used. Linux only.</summary>
internal static class ProcessCpu
{
    private const int UserTime = 14; // in /proc/PID/stat, counted from 1
    private const int TicksPerSecond = 100; // USER_HZ, the same on all of Linux' machines

    /// <summary>
    /// Of a Postgres: the postmaster's, that of the processes that it has now, and of those that have ended. They are added to
    /// the postmaster's when it has noticed their end, so two readings never lose one that ended between them.
    /// </summary>
    public static TimeSpan OfTree(int processId)
    {
        long ticks = 0;
        var pending = new Queue<int>([processId]);
        while (pending.TryDequeue(out var each))
        {
            ticks += TicksOf(each);
            foreach (var child in ProcessTree.ChildrenOf(each))
                pending.Enqueue(child);
        }
        return TimeSpan.FromSeconds(ticks / (double)TicksPerSecond);
    }

    /// <summary>Its own and its ended children's, in user and in kernel mode: four figures, one after the other.</summary>
    private static long TicksOf(int processId)
    {
        try
        {
            var stat = File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{processId}/stat"));
            var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' '); // the third and those after it; the name before may have blanks
            return fields.Skip(UserTime - 3).Take(4).Sum(field => long.Parse(field, CultureInfo.InvariantCulture));
        }
        catch (IOException)
        {
            return 0; // it has ended meanwhile
        }
    }
}
