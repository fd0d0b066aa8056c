using System.CommandLine;
using System.CommandLine.Help;
using ShardAdmin.Changes;
using ShardAdmin.CommandLine;
using ShardAdmin.Commands;

namespace ShardAdmin;

/// <summary>The table of contents: lists every command.</summary>
internal static class CommandTable
{
    public static RootCommand Build(GlobalOptions global)
    {
        var root = new RootCommand(
            "Creates, changes and examines a sharded cluster. Talks to Redis and to the shards; only 'queries' asks routers.")
        {
            new CommandGroup(
                "ring", "The ring: which shard owns which slots",
                new RingShowCommand(), new RingHistoryCommand(), new RingExportCommand(), new RingWhereCommand(), new RingRebuildCommand()),
            new InitCommand(),
            new AddShardCommand(),
            new RemoveShardCommand(),
            new RelocateCommand(),
            new RebalanceCommand(),
            new MoveCommand(),
            new CommandGroup(
                "plan", "Writes what add-shard, remove-shard, rebalance or move would do into a document for 'apply'. Changes nothing",
                new PlanCommand(
                    "add-shard", command => new AddShardArguments(command), "add-shard s4 --host 10.0.0.4 --port 5432 --database app"),
                new PlanCommand("remove-shard", command => new RemoveShardArguments(command), "remove-shard s4"),
                new PlanCommand("rebalance", command => new RebalanceArguments(command), "rebalance --by size"),
                new PlanCommand("move", command => new MoveArguments(command), "move 0-255 --to s4")),
            new ApplyCommand(),
            new CommandGroup(
                "ops", "Operations that move slots: running, interrupted and finished ones",
                new OpsListCommand(), new OpsShowCommand(), new OpsWatchCommand(), new OpsPauseCommand(), new OpsResumeCommand(),
                new OpsCancelCommand(), new OpsSettleCommand(), new OpsRollbackCommand()),
            new AcceptLossCommand(),
            new CommandGroup("backup", "Backup points: moments to which all shards can be restored together", new BackupPointCommand()),
            new CommandGroup("restore", "Checks shards that were restored from backups", new RestoreCheckCommand()),
            new AgentCommand(),
            new StatusCommand(),
            new AuditCommand(),
            new RoutersCommand(),
            new QueriesCommand(),
            new MigrateCommand(),
            new GrantsCommand(),
            new CommandGroup(
                "collections", "Collections of items: list, create and delete them",
                new CollectionsListCommand(), new CollectionsCreateCommand(), new CollectionsDeleteCommand()),
            new CommandGroup(
                "indexes", "Indexes on fields of documents: list, make, build and drop them",
                new IndexesListCommand(), new IndexesCreateCommand(), new IndexesBuildCommand(), new IndexesDropCommand()),
            new CommandGroup(
                "keys", "API keys: who may call the service",
                new KeysListCommand(), new KeysCreateCommand(), new KeysRotateCommand(), new KeysRevokeCommand(), new KeysSyncCommand()),
            new VerifyCommand(),
            new DoctorCommand(),
        };
        global.AddTo(root);
        var help = root.Options.OfType<HelpOption>().Single();
        help.Action = new TeachingHelpAction((HelpAction)help.Action!);
        return root;
    }
}
