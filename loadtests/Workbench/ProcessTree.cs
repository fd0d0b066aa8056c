using System.Globalization;
using System.Runtime.InteropServices;

namespace Workbench;

/// <summary>What the kernel says of a process and of its descendants, and signals to them. Linux only: elsewhere a process has no children here.</summary>
public static class ProcessTree
{
    private const int Kill = 9;
    private const int Continue = 18;
    private const int Stop = 19;

    /// <summary>Sends SIGKILL only to this process: the children of a server live until they notice its end.</summary>
    public static void KillOne(int processId) => _ = SendSignal(processId, Kill);

    public static void KillAll(int processId) => SignalAll(processId, Kill);

    /// <summary>Sends SIGSTOP to the process and its children: connections stay open, and nobody answers.</summary>
    public static void StopAll(int processId) => SignalAll(processId, Stop);

    public static void StopOne(int processId) => _ = SendSignal(processId, Stop);

    public static void ContinueOne(int processId) => _ = SendSignal(processId, Continue);

    public static void ContinueAll(int processId) => SignalAll(processId, Continue);

    /// <returns>R running, S sleeping, T stopped, Z ended, …; null: there is no such process.</returns>
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

    /// <summary>SIGSTOP has reached it.</summary>
    public static bool IsStopped(int processId) => StateOf(processId) == 'T';

    /// <summary>It has ended, even if nobody has asked for its exit code yet.</summary>
    public static bool IsGone(int processId) => StateOf(processId) is null or 'Z' or 'X';

    /// <summary>The processes that <paramref name="processId"/> started and that are still there.</summary>
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

    private static void SignalAll(int processId, int signal)
    {
        var pending = new Queue<int>([processId]); // parents first: a stopped or dead process starts no more children
        while (pending.TryDequeue(out var each))
        {
            var children = ChildrenOf(each);
            _ = SendSignal(each, signal);
            foreach (var child in children.Concat(ChildrenOf(each)).Distinct())
                pending.Enqueue(child);
        }
    }

    [DllImport("libc", EntryPoint = "kill", ExactSpelling = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int SendSignal(int processId, int signal);
}
