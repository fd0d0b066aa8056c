using System.CommandLine;
using System.CommandLine.Help;
using ShardAdmin.Changes;
using ShardAdmin.CommandLine;
using ShardAdmin.Commands;

namespace ShardAdmin;

/// <summary>The table of contents: every command there is.</summary>
internal static class CommandTable
{
    public static RootCommand Build(GlobalOptions global)
    {
        var root = new RootCommand("Makes, changes and examines a sharded cluster. Talks to Redis and to the shards; needs no router.")
        {
            new CommandGroup("ring", "Who owns which slots", new RingShowCommand(), new RingHistoryCommand(), new RingExportCommand(), new RingWhereCommand(), new RingRebuildCommand()),
            new InitCommand(),
            new AddShardCommand(),
            new RemoveShardCommand(),
            new RelocateCommand(),
            new RebalanceCommand(),
            new MoveCommand(),
            new CommandGroup(
                "plan", "What add-shard, remove-shard, rebalance or move would do, as a document for apply; changes nothing",
                new PlanCommand("add-shard", command => new AddShardArguments(command), "add-shard s4 --host 10.0.0.4 --port 5432 --database app"),
                new PlanCommand("remove-shard", command => new RemoveShardArguments(command), "remove-shard s4"),
                new PlanCommand("rebalance", command => new RebalanceArguments(command), "rebalance --by size"),
                new PlanCommand("move", command => new MoveArguments(command), "move 0-255 --to s4")),
            new ApplyCommand(),
            new CommandGroup(
                "ops", "Moves under way, unfinished and done",
                new OpsListCommand(), new OpsShowCommand(), new OpsWatchCommand(), new OpsPauseCommand(), new OpsResumeCommand(), new OpsCancelCommand(), new OpsSettleCommand(), new OpsRollbackCommand()),
            new AcceptLossCommand(),
            new CommandGroup("backup", "Moments to which all shards can be restored together", new BackupPointCommand()),
            new CommandGroup("restore", "What came back of a backup", new RestoreCheckCommand()),
            new AgentCommand(),
            new StatusCommand(),
            new RoutersCommand(),
            new MigrateCommand(),
            new CommandGroup("collections", "What may be stored", new CollectionsListCommand(), new CollectionsCreateCommand(), new CollectionsDeleteCommand()),
            new VerifyCommand(),
            new DoctorCommand(),
        };
        global.AddTo(root);
        var help = root.Options.OfType<HelpOption>().Single();
        help.Action = new TeachingHelpAction((HelpAction)help.Action!);
        return root;
    }
}
