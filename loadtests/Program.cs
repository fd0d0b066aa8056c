using LoadTests;
using Workbench;

SocketThread.Use(); // before the first socket

return await Interruptible.RunAsync(interrupt => LoadTestsApp.RunAsync(args, interrupt));
