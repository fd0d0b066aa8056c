using System.CommandLine;
using ShardAdmin.Cluster;
using ShardAdmin.CommandLine;
using ShardAdmin.Output;
using ShardAdmin.Rebalancing;
using ShardCore.Ring;

namespace ShardAdmin.Commands;

internal sealed class MoveCommand : AdminCommand
{
    private readonly Argument<IReadOnlyList<Slot>?> _slots = new("SLOTS")
    {
        Description = "Slots: 5  5-9  5,7,9-12",
        Arity = ArgumentArity.ZeroOrOne,
        CustomParser = result =>
        {
            var text = result.Tokens.Count > 0 ? result.Tokens[^1].Value : "";
            if (SlotText.Parse(text) is { } slots)
                return slots;
            result.AddError($"SLOTS are of 0…{Slot.Count - 1}, such as 5, 5-9 or 5,7,9-12, not '{text}'.");
            return null;
        },
    };

    private readonly Option<string?> _partitionKey = new("--pk") { Description = "Instead of SLOTS: the slot of this partition key", HelpName = "KEY" };
    private readonly Option<string> _target = new("--to") { Description = "The shard that gets them", HelpName = "ID", Required = true };
    private readonly MoveRunOptions _run;
    private readonly ChangeOptions _change;

    public MoveCommand()
        : base(
            "move", "Moves slots with their data to another shard, while everything keeps running; asks first. Ctrl-C leaves it resumable",
            "shardadmin move 0-255 --to s4", "shardadmin move --pk FR --to s2 --rate 20MiB/s", "shardadmin move 5,7,9-12 --to s2 --dry-run")
    {
        Arguments.Add(_slots);
        Options.Add(_partitionKey);
        Options.Add(_target);
        _run = new MoveRunOptions(this);
        _change = new ChangeOptions(this);
        Validators.Add(result =>
        {
            var (slots, key) = (result.GetResult(_slots) is { Tokens.Count: > 0 }, result.GetResult(_partitionKey) is { Tokens.Count: > 0 });
            if (slots == key)
                result.AddError(slots ? "SLOTS and --pk exclude each other." : "Which slots? Give SLOTS, or --pk KEY.");
            if (result.GetResult(_target) is { Tokens.Count: > 0 } to && !ShardId.IsValid(to.Tokens[^1].Value))
                result.AddError($"--to takes a shard id, not '{to.Tokens[^1].Value}'.");
        });
    }

    public override async Task<ExitCode> ExecuteAsync(ParseResult parse, AdminSession session, CancellationToken cancellation)
    {
        var ring = await session.RequireRingAsync(cancellation);
        var target = ring.Find(new ShardId(parse.GetRequiredValue(_target)))
            ?? throw new CommandFailedException(ExitCode.NotFound, $"There is no shard {parse.GetValue(_target)}.", "shardadmin ring show");
        if (target.State == ShardState.Draining)
            throw new CommandFailedException(ExitCode.Precondition, $"Shard {target.Id} is being removed; it takes no slots.", "shardadmin ring show");
        IReadOnlyList<Slot> slots = parse.GetValue(_partitionKey) is { } key ? [SlotHash.Of(key)] : parse.GetValue(_slots)!;
        var known = await RingKnowledge.ReadAsync(session, ring, [], cancellation);
        known.RequireNotSetBack([]);
        MoveJournals.RequireFree(await MoveJournals.UnfinishedAsync(session, ring.Shards, cancellation), slots);
        if (slots.Where(slot => known.Ownership.OwnersOf(slot) is not [var owner] || owner != ring.OwnerOf(slot).Id).ToArray() is { Length: > 0 } odd)
            throw new CommandFailedException(ExitCode.Precondition, $"Slots {SlotText.Of(odd.Order())} have another owner than the ring says, or not exactly one.", "shardadmin ring rebuild; shardadmin doctor");

        var rebalance = new SlotRebalance(session, _run.Read(parse));
        var plan = await rebalance.PlanAsync(
            ring.Shards, ring.Owners, [.. slots.Where(slot => ring.OwnerOf(slot).Id != target.Id).Select(slot => new SlotMove(slot, ring.OwnerOf(slot).Id, target.Id))], cancellation);
        return await MoveResult.RunAsync(
            session, rebalance, ring, plan, $"shardadmin move {SlotText.Of(slots.Order(), int.MaxValue)} --to {target.Id}", _change.IsDryRun(parse), _change.IsYes(parse),
            () => rebalance.RunAsync(ring, plan, "move", cancellation), $"All of these slots are owned by {target.Id} already. Nothing was changed.", cancellation);
    }
}
