using System.Runtime.InteropServices;

namespace LoadTests.Engine;

/// <summary>
/// Sleeps with an error of about 60 µs. Thread.Sleep only knows whole milliseconds, and spinning would take a core from the measured
/// servers.
/// </summary>
internal static class PreciseSleep
{
    private static readonly TimeSpan Longest = TimeSpan.FromMilliseconds(100); // a limit: a stop must be noticed

    public static void For(TimeSpan time) => _ = SleepMicroseconds((uint)Math.Ceiling(Math.Min(time.TotalMicroseconds, Longest.TotalMicroseconds)));

    [DllImport("libc", EntryPoint = "usleep", ExactSpelling = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int SleepMicroseconds(uint microseconds);
}
