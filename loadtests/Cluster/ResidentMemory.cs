using System.Globalization;

namespace LoadTests.Cluster;

internal static class ResidentMemory
{
    /// <summary>What the process holds of the machine's memory, in MiB. Linux only.</summary>
    /// <exception cref="InvalidOperationException">There is no such process, or this is not Linux.</exception>
    public static double OfProcessMiB(int processId)
    {
        var status = string.Create(CultureInfo.InvariantCulture, $"/proc/{processId}/status");
        var line = File.Exists(status) ? File.ReadLines(status).FirstOrDefault(line => line.StartsWith("VmRSS:", StringComparison.Ordinal)) : null;
        // "VmRSS:     93412 kB"
        return line is null
            ? throw new InvalidOperationException($"{status} tells no resident memory.")
            : double.Parse(line.AsSpan("VmRSS:".Length, line.Length - "VmRSS:".Length - " kB".Length), CultureInfo.InvariantCulture) / 1024;
    }
}
