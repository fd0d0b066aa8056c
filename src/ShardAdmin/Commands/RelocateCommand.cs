using System.CommandLine;
using ShardAdmin.Cluster;
using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardAdmin.Rings;
using ShardAdmin.Shards;
using ShardCore.Ring;
using ShardCore.Shards.History;
using Spectre.Console;

namespace ShardAdmin.Commands;

internal sealed class RelocateCommand : AdminCommand
{
    private readonly Argument<string> _id = ShardArgument.New("SHARD", "The shard that has a new address");
    private readonly AddressOptions _address = new();
    private readonly ChangeOptions _change;

    public RelocateCommand()
        : base(
            "relocate",
            "Gives a shard another address in the ring: its server was renamed, its backup was restored elsewhere, or a standby was added "
            + "or removed. Moves no data; the database at the new address must be this shard. Routers follow within a second",
            "shardadmin relocate s2 --host 10.0.0.12 --port 5432",
            "shardadmin relocate s2 --host 10.0.0.12:5432,10.0.0.13:5432   # a primary and a standby, in any order",
            "shardadmin relocate s2 --host 10.0.0.12 --port 5432 --dry-run   # only looks")
    {
        Arguments.Add(_id);
        _address.AddTo(this, "if its name is different there", isDatabaseRequired: false);
        _change = new ChangeOptions(this);
    }

    public override async Task<ExitCode> ExecuteAsync(ParseResult parse, AdminSession session, CancellationToken cancellation)
    {
        var (id, dryRun) = (new ShardId(parse.GetRequiredValue(_id)), _change.IsDryRun(parse));
        var ring = await session.RequireRingAsync(cancellation);
        var before = ring.RequireShard(id);
        var to = _address.Read(parse.CommandResult, before.Database)!;
        if (ShardRules.FirstViolation(before with { At = to }) is { } violation)
            throw new CommandFailedException(ExitCode.Usage, violation, "shardadmin relocate --help");
        var relocation = new ShardRelocation(session, id, to);
        var result = await relocation.LookAsync(ring, cancellation);
        string[] silentHosts = [.. ShardStandbys.OfHosts(session, result.After).Hosts.Where(host => host.Role == "silent").Select(host => host.Host)];
        foreach (var host in silentHosts)
            session.Output.Warn(
                $"{host} does not answer: nobody can tell whether it is a host of shard {id}. "
                + $"The ring {(dryRun ? "would name" : "names")} it all the same.");
        if (result.Standing.Loss is { } loss)
            session.Output.Warn($"Shard {id} {loss.Describe()}.");
        if (!dryRun && result.Before != result.After)
        {
            if (result.Standing.Loss is not null)
                await session.Output.ConfirmAsync(
                    $"Use shard {id} at {to} although it lost commits?", _change.IsYes(parse),
                    $"shardadmin relocate {id} {AddressOptions.Of(to)}", cancellation);
            result = await relocation.RunAsync(cancellation);
        }
        Write(session, result, silentHosts, dryRun);
        return ExitCode.Done;
    }

    private static void Write(AdminSession session, RelocationResult result, string[] silentHosts, bool dryRun)
    {
        var isThere = result.Before == result.After;
        foreach (var silent in result.Silent)
            session.Output.Warn(
                $"Shard {silent} did not answer. Its copy of the shard list is old until it is relocated too, or the ring changes again.");
        session.Output.Write(
            new
            {
                shard = result.After.Id.Value,
                before = result.Before.Address,
                address = result.After.Address,
                dryRun,
                relocated = !dryRun && !isThere,
                epoch = result.Ring.Epoch.Value,
                loss = result.Standing.Loss?.Describe(),
                silent = result.Silent.Select(shard => shard.Value),
                silentHosts,
            },
            console =>
            {
                console.WriteLine(
                    isThere ? $"Shard {result.After.Id} is at {result.After.Address} already. Nothing was changed."
                    : dryRun ? $"Dry run: shard {result.After.Id} would be at {result.After.Address} instead of {result.Before.Address}. "
                        + "Nothing was changed."
                    : $"Shard {result.After.Id} is at {result.After.Address} now, epoch {result.Ring.Epoch}. "
                        + "Routers follow within a second.");
                if (!dryRun && result.Standing.Loss is not null)
                    console.WriteLine($"Next: shardadmin doctor; then: {ShardLoss.NextFor(result.After.Id)}");
            });
    }
}
