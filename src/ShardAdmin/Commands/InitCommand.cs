using System.CommandLine;
using System.CommandLine.Parsing;
using ShardAdmin.Cluster;
using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardAdmin.Output;
using ShardAdmin.Rings;
using ShardCore.Ring;
using Spectre.Console;

namespace ShardAdmin.Commands;

internal sealed class InitCommand : AdminCommand
{
    private readonly Option<Shard[]> _shards = new("--shard")
    {
        Description = "A shard of the new cluster; repeat the option for each shard. Without it the cluster begins empty, and the first "
            + "add-shard gets all slots",
        HelpName = "ID=HOST:PORT/DATABASE",
        DefaultValueFactory = _ => [],
        CustomParser = ParseShards,
    };

    private readonly ChangeOptions _change;

    public InitCommand()
        : base(
            "init",
            "Makes a new cluster: creates the schema in every shard, gives each shard its slots and publishes the ring. "
            + "Safe to repeat: after a crash the same command completes the rest",
            "shardadmin init --shard s1=10.0.0.1:5432/app --shard s2=10.0.0.2:5432/app",
            "shardadmin init --cluster orders --dry-run --shard s1=127.0.0.1:5441/app   # only looks")
    {
        Options.Add(_shards);
        _change = new ChangeOptions(this);
    }

    public override async Task<ExitCode> ExecuteAsync(ParseResult parse, AdminSession session, CancellationToken cancellation)
    {
        var shards = parse.GetRequiredValue(_shards);
        if (shards.Length == 0)
            await RingSeeds.RequireNoClusterBehindAsync(session, cancellation);
        var result = await new ClusterInitializer(session).RunAsync(shards, _change.IsDryRun(parse), cancellation);
        var ring = result.Ring;
        foreach (var problem in result.Silent)
            session.Output.Warn($"It was not checked whether this is still the cluster's shard: {problem}");
        var lines = ring.Shards.Select(shard => new
        {
            id = shard.Id.Value,
            address = shard.Address,
            slots = ring.SlotsOf(shard.Id).Length,
            schema = result.Schemas.TryGetValue(shard.Id, out var version) ? version : (int?)null,
        }).ToArray();
        var document = new
        {
            outcome = result.Outcome,
            cluster = ring.Cluster.Name,
            clusterId = ring.Cluster.Id,
            epoch = ring.Epoch.Value,
            shards = lines,
        };
        session.Output.Write(document, console =>
        {
            console.WriteLine(Sentence(result));
            var table = Tables.New("shard", "address", ">slots", ">schema");
            foreach (var line in lines)
                table.Row(
                    line.id, line.address, Tables.Count(line.slots),
                    line.schema?.ToString(System.Globalization.CultureInfo.InvariantCulture));
            if (lines.Length > 0)
                console.Write(table);
        });
        return ExitCode.Done;
    }

    private static string Sentence(InitResult result) => result.Outcome switch
    {
        InitOutcome.AlreadyInitialised =>
            $"Cluster {result.Ring.Cluster.Name} is already initialised, at epoch {result.Ring.Epoch} with "
            + $"{Tables.Counted(result.Ring.Shards.Length, "shard")}. Nothing was changed.",
        InitOutcome.Completed =>
            $"Databases of cluster {result.Ring.Cluster.Name} were its shards already, without a ring. The missing parts were made, and "
            + $"the ring is published: epoch {result.Ring.Epoch}, {Tables.Counted(result.Ring.Shards.Length, "shard")}.",
        InitOutcome.WouldInitialise => $"Dry run: cluster {result.Ring.Cluster.Name} would be made of these shards. Nothing was changed.",
        _ => $"Cluster {result.Ring.Cluster.Name} is initialised: epoch {result.Ring.Epoch}, {Tables.Counted(result.Ring.Shards.Length, "shard")}.",
    };

    private static Shard[]? ParseShards(ArgumentResult result)
    {
        var shards = new List<Shard>();
        foreach (var text in result.Tokens.Select(token => token.Value))
        {
            var equals = text.IndexOf('=', StringComparison.Ordinal);
            var address = equals > 0 ? ShardAddress.TryParse(text[(equals + 1)..]) : null;
            if (address is null || !ShardId.IsValid(text[..equals]))
                result.AddError(
                    $"--shard takes ID={ShardAddress.Form}, with an ID such as s1 (a lower-case letter, then a-z, 0-9, '_', '-'), "
                    + $"not '{text}'.");
            else
                shards.Add(new Shard(new ShardId(text[..equals]), address));
        }
        foreach (var twice in shards.GroupBy(shard => shard.Id).Where(same => same.Count() > 1))
            result.AddError($"--shard names {twice.Key} twice.");
        foreach (var twice in shards.GroupBy(shard => shard.Address, StringComparer.Ordinal).Where(same => same.Count() > 1))
            result.AddError($"--shard names the database {twice.Key} twice.");
        return [.. shards];
    }
}
