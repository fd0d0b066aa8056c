using System.Globalization;

namespace LoadTests.Cluster;

/// <summary>
/// Limits a process and all its children to a share of one core, with a control group of version 1 or 2. Then several databases on one
/// machine behave like databases on separate machines, each with the power of this share.
/// </summary>
internal sealed class CpuQuota : IDisposable
{
    private const string Root = "/sys/fs/cgroup";

    /// <summary>A short period: otherwise a process that has used its share would stand still for most of a tenth of a second.</summary>
    private const int ShortPeriodMicroseconds = 10_000;

    /// <summary>The smallest quota per period that the kernel accepts. A share below a tenth of a core needs a longer period.</summary>
    private const int LeastQuotaMicroseconds = 1000;

    private const int MaxAttempts = 50;
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(10);

    private static readonly bool IsVersion2 = File.Exists(Path.Combine(Root, "cgroup.controllers"));

    private readonly string _group;

    private CpuQuota(string group) => _group = group;

    private static string Parent => IsVersion2 ? Root : Path.Combine(Root, "cpu");

    /// <returns>Why control groups are not available here; null: they are.</returns>
    public static string? WhyUnavailable()
    {
        try
        {
            using var probe = Create("probe", 0.5);
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return e.Message;
        }
    }

    /// <param name="cores">The share of one core; 0.1 is a tenth.</param>
    /// <exception cref="IOException">Control groups are not available.</exception>
    public static CpuQuota Create(string name, double cores)
    {
        if (IsVersion2)
            File.WriteAllText(Path.Combine(Root, "cgroup.subtree_control"), "+cpu");
        var group = Directory.CreateDirectory(Path.Combine(Parent, $"sharding-bench-{Environment.ProcessId}-{name}")).FullName;
        var microseconds = Math.Max(ShortPeriodMicroseconds, (int)(LeastQuotaMicroseconds / cores));
        var quota = ((int)Math.Round(cores * microseconds)).ToString(CultureInfo.InvariantCulture);
        var period = microseconds.ToString(CultureInfo.InvariantCulture);
        if (IsVersion2)
        {
            File.WriteAllText(Path.Combine(group, "cpu.max"), $"{quota} {period}");
        }
        else
        {
            File.WriteAllText(Path.Combine(group, "cpu.cfs_period_us"), period);
            File.WriteAllText(Path.Combine(group, "cpu.cfs_quota_us"), quota);
        }
        return new CpuQuota(group);
    }

    /// <summary>Limits a process; children that it starts later are limited too.</summary>
    public void Hold(int processId)
    {
        Enter(_group, processId);
        foreach (var task in Directory.GetDirectories($"/proc/{processId}/task"))
            foreach (var child in File.ReadAllText(Path.Combine(task, "children")).Split(' ', StringSplitOptions.RemoveEmptyEntries))
                Hold(int.Parse(child, CultureInfo.InvariantCulture));
    }

    /// <summary>
    /// Removes the limit from all processes. It tries more than once, because a server may start another process in the group meanwhile.
    /// </summary>
    public void Dispose()
    {
        for (var attempt = 1; ; attempt++)
        {
            foreach (var process in File.ReadAllLines(Path.Combine(_group, "cgroup.procs")))
                Enter(Parent, int.Parse(process, CultureInfo.InvariantCulture));
            try
            {
                Directory.Delete(_group);
                return;
            }
            catch (IOException) when (attempt < MaxAttempts)
            {
                Thread.Sleep(Pause);
            }
        }
    }

    private static void Enter(string group, int processId)
    {
        try
        {
            File.WriteAllText(Path.Combine(group, "cgroup.procs"), processId.ToString(CultureInfo.InvariantCulture));
        }
        catch (IOException) when (!Directory.Exists($"/proc/{processId}"))
        {
            // it has ended meanwhile
        }
    }
}
