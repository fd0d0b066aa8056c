using System.CommandLine;
using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardAdmin.Output;
using ShardAdmin.Rings;
using ShardAdmin.Rings.Rebuilding;
using ShardCore.Ring;
using ShardCore.RingDocuments;
using Spectre.Console;

namespace ShardAdmin.Commands;

internal sealed class RingRebuildCommand : AdminCommand
{
    private readonly Option<string[]> _seeds = SeedOption.New(
        "A shard to ask for the list of shards; repeat the option for several (SHARDING_SEEDS; default: the shards of the ring in Redis)");

    private readonly Option<bool> _restored = new("--restored")
    {
        Description = "Shards were restored from backups: choose an epoch above every epoch that may have been used since the backup. "
            + "Then routers that kept a later ring on disk accept the rebuilt one",
    };

    private readonly ShardPlaces _at;
    private readonly ChangeOptions _change;

    public RingRebuildCommand()
        : base(
            "rebuild", "Rebuilds the ring in Redis from the shards, after Redis lost the ring or has an old one. Safe to repeat",
            "shardadmin ring rebuild --seed 10.0.0.1:5432/app", "shardadmin ring rebuild --dry-run   # only compares",
            "shardadmin ring rebuild --restored --at s1=10.0.0.4:5432/app --at s2=10.0.0.5:5432/app   # all shards were restored elsewhere")
    {
        Options.Add(_seeds);
        Options.Add(_restored);
        _at = new ShardPlaces(
            this, "The address of a shard now, if the list of shards has an old one; repeat the option for several shards. The database "
                + "there must be this shard. It is asked like a seed, and the rebuilt ring has this address");
        _change = new ChangeOptions(this);
    }

    public override async Task<ExitCode> ExecuteAsync(ParseResult parse, AdminSession session, CancellationToken cancellation)
    {
        var (given, at) = (RingSeeds.Parse(parse.GetRequiredValue(_seeds)), _at.Read(parse));
        IReadOnlyList<ShardAddress> seeds = given.Count + at.Count > 0 ? [.. given, .. at.Values] : RingSeeds.FromEnvironment(session);
        var result = await new RingRebuild(session, seeds, at, parse.GetValue(_restored)).RunAsync(
            _change.IsDryRun(parse),
            question => session.Output.ConfirmAsync(question, _change.IsYes(parse), "shardadmin ring rebuild", cancellation),
            cancellation);
        session.Output.Write(
            new
            {
                outcome = result.Outcome,
                cluster = result.Ring.Cluster.Name,
                epoch = result.Ring.Epoch.Value,
                shards = result.Ring.Shards.Length,
                problem = result.Problem,
                document = RingDocumentCodec.Write(result.Ring),
            },
            console => console.WriteLine(Sentence(result)));
        return ExitCode.Done;
    }

    private static string Sentence(RebuildResult result) => result.Outcome switch
    {
        RebuildOutcome.Agrees =>
            $"The ring in Redis, epoch {result.Ring.Epoch}, agrees with {Tables.Counted(result.Ring.Shards.Length, "shard")}. "
            + "Nothing to rebuild.",
        RebuildOutcome.WouldRebuild =>
            $"Dry run: epoch {result.Ring.Epoch} with {Tables.Counted(result.Ring.Shards.Length, "shard")} would be published. "
            + "Nothing was changed.",
        _ => $"The ring was rebuilt from {Tables.Counted(result.Ring.Shards.Length, "shard")} and published as epoch {result.Ring.Epoch}.",
    };
}
