using System.CommandLine;
using ShardAdmin.Cluster;
using ShardAdmin.CommandLine;
using ShardAdmin.Output;
using ShardCore.Ring;
using ShardCore.RingStorage;
using Spectre.Console;

namespace ShardAdmin.Commands;

internal sealed class RingRebuildCommand : AdminCommand
{
    private readonly Option<string[]> _seeds = new("--seed")
    {
        Description = "A shard to ask for the shard list; may be given several times (SHARDING_SEEDS; default: the shards of the ring in Redis)",
        HelpName = "HOST:PORT/DATABASE",
        DefaultValueFactory = _ => [],
    };

    private readonly Option<bool> _restored = new("--restored")
    {
        Description = "Shards were restored from backups: the new epoch leaps over those that may have been given since. Routers that "
            + "kept a later ring on disk take the new one then",
    };

    private readonly ShardPlaces _at;
    private readonly ChangeOptions _change;

    public RingRebuildCommand()
        : base(
            "rebuild", "Makes the ring in Redis again from the shards, after Redis lost it or was set back",
            "shardadmin ring rebuild --seed 10.0.0.1:5432/app", "shardadmin ring rebuild --dry-run   # only compares",
            "shardadmin ring rebuild --restored --at s1=10.0.0.4:5432/app --at s2=10.0.0.5:5432/app   # all shards were restored elsewhere")
    {
        _seeds.Validators.Add(result =>
        {
            foreach (var token in result.Tokens.Where(token => ShardAddress.TryParse(token.Value) is null))
                result.AddError($"--seed takes {ShardAddress.Form}, not '{token.Value}'.");
        });
        Options.Add(_seeds);
        Options.Add(_restored);
        _at = new ShardPlaces(
            this, "Where a shard is now, if not where the shard list says; may be given several times. It is asked like a seed, and has "
                + "to be that shard. The rebuilt ring names this address");
        _change = new ChangeOptions(this);
    }

    public override async Task<ExitCode> ExecuteAsync(ParseResult parse, AdminSession session, CancellationToken cancellation)
    {
        var (given, at) = (RingSeeds.Parse(parse.GetRequiredValue(_seeds)), _at.Read(parse));
        IReadOnlyList<ShardAddress> seeds = given.Count + at.Count > 0 ? [.. given, .. at.Values] : RingSeeds.FromEnvironment(session);
        var result = await new RingRebuild(session, seeds, at, parse.GetValue(_restored)).RunAsync(
            _change.IsDryRun(parse), question => session.Output.ConfirmAsync(question, _change.IsYes(parse), "shardadmin ring rebuild", cancellation), cancellation);
        session.Output.Write(
            new { outcome = result.Outcome, cluster = result.Ring.Cluster.Name, epoch = result.Ring.Epoch.Value, shards = result.Ring.Shards.Length, problem = result.Problem, document = RingDocumentCodec.Write(result.Ring) },
            console => console.WriteLine(Sentence(result)));
        return ExitCode.Done;
    }

    private static string Sentence(RebuildResult result) => result.Outcome switch
    {
        RebuildOutcome.Agrees => $"The ring in Redis, epoch {result.Ring.Epoch}, is what the {result.Ring.Shards.Length} shards say. Nothing to rebuild.",
        RebuildOutcome.WouldRebuild => $"Dry run: epoch {result.Ring.Epoch} with {result.Ring.Shards.Length} shards would be published. Nothing was changed.",
        _ => $"The ring was rebuilt from {result.Ring.Shards.Length} shards and published as epoch {result.Ring.Epoch}.",
    };
}
