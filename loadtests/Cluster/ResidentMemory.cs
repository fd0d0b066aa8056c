using System.Globalization;

namespace LoadTests.Cluster;

/// <summary>The resident memory of a process, in MiB. Linux only.</summary>
internal static class ResidentMemory
{
    /// <exception cref="InvalidOperationException">There is no such process, or this is not Linux.</exception>
    public static double OfProcessMiB(int processId) =>
        Find(processId, "VmRSS:") ?? throw new InvalidOperationException($"/proc/{processId}/status tells no resident memory.");

    /// <summary>The largest memory that it ever had; null: it has ended.</summary>
    public static double? PeakOfProcessMiB(int processId) => Find(processId, "VmHWM:");

    /// <summary>What a process has for itself, without what it shares with others; 0: it has ended.</summary>
    public static double OwnOfProcessMiB(int processId) => Find(processId, "Private_Dirty:", "smaps_rollup") ?? 0;

    private static double? Find(int processId, string name, string file = "status")
    {
        var status = string.Create(CultureInfo.InvariantCulture, $"/proc/{processId}/{file}");
        try
        {
            // "VmRSS:     93412 kB"
            var line = File.ReadLines(status).FirstOrDefault(line => line.StartsWith(name, StringComparison.Ordinal));
            return line is null ? null : double.Parse(line.AsSpan(name.Length, line.Length - name.Length - " kB".Length), CultureInfo.InvariantCulture) / 1024;
        }
        catch (IOException)
        {
            return null; // no such process, or it ended while we read
        }
    }
}
