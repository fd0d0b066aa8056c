using System.Runtime.InteropServices;
using ShardAdmin;
using ShardAdmin.CommandLine;

// The first Ctrl-C lets the command end in a safe state and say what it left; the second only quits.
using var interrupt = new CancellationTokenSource();
void OnSignal(PosixSignalContext signal)
{
    signal.Cancel = !interrupt.IsCancellationRequested;
    interrupt.Cancel();
}

using var onInterrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, OnSignal);
using var onTerminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, OnSignal);
return await ShardAdminApp.RunAsync(args, AdminProcess.Current, interrupt.Token);
