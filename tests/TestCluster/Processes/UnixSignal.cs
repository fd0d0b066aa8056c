using System.Runtime.InteropServices;

namespace TestCluster;

/// <summary>A signal that tests send to servers, by its number on this operating system.</summary>
public sealed class UnixSignal
{
    private readonly int _number;

    private UnixSignal(int onLinux, int onMacOS) => _number = OperatingSystem.IsMacOS() ? onMacOS : onLinux;

    public static UnixSignal Interrupt { get; } = new(2, 2);
    public static UnixSignal Quit { get; } = new(3, 3);
    public static UnixSignal Kill { get; } = new(9, 9);
    public static UnixSignal Terminate { get; } = new(15, 15);
    public static UnixSignal Stop { get; } = new(19, 17);
    public static UnixSignal Continue { get; } = new(18, 19);

    /// <summary>To a process that is gone already: nothing.</summary>
    public void SendTo(int processId) => _ = SendSignal(processId, _number);

    [DllImport("libc", EntryPoint = "kill", ExactSpelling = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int SendSignal(int processId, int signal);
}
