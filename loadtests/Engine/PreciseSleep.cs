using System.Runtime.InteropServices;

namespace LoadTests.Engine;

/// <summary>Sleeps to about 60 µs. Thread.Sleep knows whole milliseconds only, and spinning would take a core from what is measured.</summary>
internal static class PreciseSleep
{
    private static readonly TimeSpan Longest = TimeSpan.FromMilliseconds(100); // so that a stop is noticed

    public static void For(TimeSpan time) => _ = SleepMicroseconds((uint)Math.Ceiling(Math.Min(time.TotalMicroseconds, Longest.TotalMicroseconds)));

    [DllImport("libc", EntryPoint = "usleep", ExactSpelling = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int SleepMicroseconds(uint microseconds);
}
