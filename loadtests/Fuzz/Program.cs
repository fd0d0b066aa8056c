using Fuzz;
using Workbench;

return await Interruptible.RunAsync(interrupt => FuzzCommand.RunAsync(args, interrupt));
