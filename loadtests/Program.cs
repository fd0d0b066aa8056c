using System.Runtime.InteropServices;
using LoadTests;
using LoadTests.Http;

if (args is not ["chaos", ..]) // which talks to Postgres and Redis too: their clients may block where that setting forbids it
    SocketThread.Use(); // before the first socket

using var interrupt = new CancellationTokenSource();
// The first signal has the cluster taken down; a second one ends us at once.
using var onInterrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Interrupt);
using var onTerminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Interrupt);
using var onHangUp = PosixSignalRegistration.Create(PosixSignal.SIGHUP, Interrupt);

return await LoadTestsApp.RunAsync(args, interrupt.Token);

void Interrupt(PosixSignalContext signal)
{
    signal.Cancel = !interrupt.IsCancellationRequested;
    interrupt.Cancel();
}
