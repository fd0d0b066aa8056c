using Chaos;
using Workbench;

return await Interruptible.RunAsync(interrupt => ChaosCommand.RunAsync(args, interrupt));
