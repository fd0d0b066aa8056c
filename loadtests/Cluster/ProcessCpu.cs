using System.Globalization;
using Workbench;

namespace LoadTests.Cluster;

/// <summary>The CPU time that a server and all its processes have used. Linux only.</summary>
internal static class ProcessCpu
{
    private const int UserTime = 14; // in /proc/PID/stat, counted from 1
    private const int TicksPerSecond = 100; // USER_HZ, the same on all machines with Linux

    /// <summary>
    /// The CPU time of a process tree, such as Postgres: of the postmaster, of its present children, and of children that have ended. The
    /// kernel adds the time of an ended child to the postmaster's time: two readings never lose a child that ended between them.
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

    /// <summary>The sum of four figures: its own time and that of its ended children, in user mode and in kernel mode.</summary>
    private static long TicksOf(int processId)
    {
        try
        {
            var stat = File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{processId}/stat"));
            var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' '); // from the third field on; the name before may have blanks
            return fields.Skip(UserTime - 3).Take(4).Sum(field => long.Parse(field, CultureInfo.InvariantCulture));
        }
        catch (IOException)
        {
            return 0; // it has ended meanwhile
        }
    }
}
