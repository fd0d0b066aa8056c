using System.Runtime.InteropServices;
using ShardAdmin;
using ShardAdmin.Settings;

// After the first Ctrl-C the command ends in a safe state and says what it left. The second one kills the process at once.
using var interrupt = new CancellationTokenSource();
void OnSignal(PosixSignalContext signal)
{
    signal.Cancel = !interrupt.IsCancellationRequested;
    interrupt.Cancel();
}

using var onInterrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, OnSignal);
using var onTerminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, OnSignal);
return await ShardAdminApp.RunAsync(args, AdminProcess.Current, interrupt.Token);
