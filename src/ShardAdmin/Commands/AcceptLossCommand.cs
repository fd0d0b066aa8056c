using System.CommandLine;
using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardAdmin.Operations;
using ShardAdmin.Rings;
using ShardAdmin.Shards;
using ShardCore.Ring;
using ShardCore.Shards.History;
using Spectre.Console;

namespace ShardAdmin.Commands;

internal sealed class AcceptLossCommand : AdminCommand
{
    private readonly Argument<string> _id = ShardArgument.New("SHARD", "The shard that 'doctor' names at the check shard-history");
    private readonly ChangeOptions _change;

    public AcceptLossCommand()
        : base(
            "accept-loss",
            "Accepts that a shard lost commits: a standby that lacked them took over, or a backup was restored. "
            + "Shows the known loss, asks, and accepts the shard as it is now; then slots can move from and to it again. "
            + "It brings nothing back: if the old server or a newer backup still exists, stop the shard and use that instead",
            "shardadmin accept-loss s1 --dry-run   # only shows the loss", "shardadmin accept-loss s1",
            "shardadmin accept-loss s1 --yes -o json")
    {
        Arguments.Add(_id);
        _change = new ChangeOptions(this);
    }

    public override async Task<ExitCode> ExecuteAsync(ParseResult parse, AdminSession session, CancellationToken cancellation)
    {
        var (id, dryRun) = (new ShardId(parse.GetRequiredValue(_id)), _change.IsDryRun(parse));
        var ring = await session.RequireRingAsync(cancellation);
        var shard = ring.RequireShard(id);
        var standing = await ReadAsync(session, shard, cancellation);
        if (standing.Loss is null)
        {
            Write(session, standing, dryRun, accepted: false);
            return ExitCode.Done;
        }
        if (session.Output.ShowsTable)
            session.Output.Results.WriteLine($"{ShardLosses.Sentence(standing)} Found {standing.Loss.At:u} by {standing.Loss.By}.");
        await RequireSettledAsync(session, ring, shard, cancellation);
        if (!dryRun)
        {
            await session.Output.ConfirmAsync(
                $"Accept shard {id} as it is now? The lost commits stay lost.", _change.IsYes(parse), ShardLoss.NextFor(id), cancellation);
            await AcceptAsync(session, standing, cancellation);
        }
        Write(session, standing, dryRun, accepted: !dryRun);
        return ExitCode.Done;
    }

    /// <summary>
    /// Disputed batches, and slots without an owner or with two, must be settled by other commands first, because those compare both
    /// copies. After the acceptance nothing tells of the loss any more.
    /// </summary>
    private static async Task RequireSettledAsync(AdminSession session, ShardRing ring, Shard shard, CancellationToken cancellation)
    {
        var unfinished = await MoveJournals.UnfinishedAsync(session, ring.Shards, cancellation);
        var own = unfinished.Where(each => each.Source.Id == shard.Id || each.Batch.Target == shard.Id);
        if (own.FirstOrDefault(each => each.Batch.Disputed is not null) is { } disputed)
            throw new CommandFailedException(
                ExitCode.Precondition,
                $"A batch from {disputed.Source.Id} to {disputed.Batch.Target} is disputed: {disputed.Batch.Disputed}",
                $"shardadmin ops settle {disputed.Batch.OperationId}; then: shardadmin accept-loss {shard.Id}");
        var map = await ClusterOwnership.ReadAsync(session, ring.Shards, cancellation);
        if (!map.IsComplete)
            throw new CommandFailedException(
                ExitCode.Precondition, string.Join(" ", map.Problems()),
                map.OwnedTwice.Any() || unfinished.Count > 0
                    ? $"shardadmin ops resume; then: shardadmin accept-loss {shard.Id}"
                    : $"docs/operations/runbook.md, \"Slots without an owner, or with two\"; then: shardadmin accept-loss {shard.Id}");
    }

    private static async Task AcceptAsync(AdminSession session, ShardStanding standing, CancellationToken cancellation)
    {
        var now = standing.Reading!.Confirmed ?? standing.Reading.Now;
        var next = new KeptPosition(now, (standing.Stored.Value?.Acceptances ?? 0) + 1, null);
        if (!await session.Positions.SwapAsync(standing.Shard.Id, new PositionWrite(standing.Stored, next), cancellation))
            throw new CommandFailedException(
                ExitCode.Conflict,
                $"Another process changed the position of shard {standing.Shard.Id} in Redis meanwhile.",
                ShardLoss.NextFor(standing.Shard.Id));
    }

    private static async Task<ShardStanding> ReadAsync(AdminSession session, Shard shard, CancellationToken cancellation)
    {
        var standing = (await ShardLosses.ReadAsync(session, [shard], cancellation))[0];
        return standing.Reading is not null || standing.Loss is null ? standing : throw new CommandFailedException(
            ExitCode.CannotReach,
            $"{ShardLosses.Sentence(standing)} At the moment no primary answers.",
            "start that Postgres server, then the same command again");
    }

    private static void Write(AdminSession session, ShardStanding standing, bool dryRun, bool accepted) => session.Output.Write(
        new
        {
            shard = standing.Shard.Id.Value,
            dryRun,
            accepted,
            loss = standing.Loss is not { } loss ? null : new
            {
                seen = loss.Kept.ToString(),
                found = loss.Found.ToString(),
                loss.LostBytes,
                foundAt = loss.At,
                foundBy = loss.By,
                what = loss.Describe(),
            },
        },
        console => console.WriteLine(
            standing.Loss is null ? $"Shard {standing.Shard.Id} has every commit that was seen on it. Nothing was changed."
            : accepted ? $"Accepted: shard {standing.Shard.Id} is used as it is now."
            : $"Dry run: shard {standing.Shard.Id} would be used as it is now. Nothing was changed."));
}
