using System.CommandLine;
using System.CommandLine.Help;
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
            new RebalanceCommand(),
            new MoveCommand(),
            new CommandGroup("ops", "Moves under way, unfinished and done", new OpsListCommand(), new OpsShowCommand(), new OpsPauseCommand(), new OpsResumeCommand(), new OpsCancelCommand()),
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
