using System.Globalization;
using System.Runtime.InteropServices;

namespace LoadTests.Chaos.Cluster;

/// <summary>Signals to a process that this run's cluster started, or to it and all that it started. Linux only.</summary>
internal static class ProcessTree
{
    private const int Kill = 9;
    private const int Continue = 18;
    private const int Stop = 19;

    /// <summary>SIGKILL to this one process: a server's children live on until they notice.</summary>
    public static void KillOne(int processId) => _ = SendSignal(processId, Kill);

    public static void KillAll(int processId) => SignalAll(processId, Kill);

    /// <summary>SIGSTOP: connections stay open and nothing answers.</summary>
    public static void StopAll(int processId) => SignalAll(processId, Stop);

    public static void StopOne(int processId) => _ = SendSignal(processId, Stop);

    public static void ContinueOne(int processId) => _ = SendSignal(processId, Continue);

    public static void ContinueAll(int processId) => SignalAll(processId, Continue);

    /// <returns>R running, S sleeping, T stopped, …; null: there is no such process.</returns>
    public static char? StateOf(int processId)
    {
        try
        {
            var stat = File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{processId}/stat"));
            return stat[stat.LastIndexOf(')') + 2]; // the name before it may have blanks and parentheses
        }
        catch (IOException)
        {
            return null;
        }
    }

    private static void SignalAll(int processId, int signal)
    {
        var pending = new Queue<int>([processId]); // parents first: a stopped or dead one makes no more children
        while (pending.TryDequeue(out var each))
        {
            var children = ChildrenOf(each);
            _ = SendSignal(each, signal);
            foreach (var child in children.Concat(ChildrenOf(each)).Distinct())
                pending.Enqueue(child);
        }
    }

    public static IReadOnlyList<int> ChildrenOf(int processId)
    {
        try
        {
            var text = File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{processId}/task/{processId}/children"));
            return [.. text.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(child => int.Parse(child, CultureInfo.InvariantCulture))];
        }
        catch (IOException)
        {
            return [];
        }
    }

    [DllImport("libc", EntryPoint = "kill", ExactSpelling = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int SendSignal(int processId, int signal);
}
