using System.Globalization;

namespace TestCluster;

/// <summary>What the kernel says of a process and of its descendants. Linux only: elsewhere a process has no children here.</summary>
public static class ProcessTree
{
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

    /// <summary>SIGSTOP has reached it.</summary>
    public static bool IsStopped(int processId) => StateOf(processId) == 'T';

    /// <summary>It has ended, even if nobody has asked for its exit code yet.</summary>
    public static bool IsGone(int processId) => StateOf(processId) is null or 'Z' or 'X';

    /// <returns>R running, S sleeping, T stopped, Z ended, …; null: there is no such process.</returns>
    private static char? StateOf(int processId)
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
}
