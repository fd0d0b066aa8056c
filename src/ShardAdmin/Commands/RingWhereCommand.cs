using System.CommandLine;
using System.CommandLine.Parsing;
using System.Text;
using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardAdmin.Rings;
using ShardCore.Ring;
using Spectre.Console;

namespace ShardAdmin.Commands;

internal sealed class RingWhereCommand : AdminCommand
{
    private const int MaxKeyBytes = 1024;

    private readonly Argument<string> _partitionKey = new("PK") { Description = "The partition key, not percent-encoded" };

    public RingWhereCommand()
        : base(
            "where", "Shows which slot and shard a partition key belongs to",
            "shardadmin ring where FR", "shardadmin ring where 'order 17' -o json | jq -r .shard")
    {
        _partitionKey.Validators.Add(RequireKey);
        Arguments.Add(_partitionKey);
    }

    public override async Task<ExitCode> ExecuteAsync(ParseResult parse, AdminSession session, CancellationToken cancellation)
    {
        var ring = await session.RequireRingAsync(cancellation);
        if (ring.IsEmpty)
            throw new CommandFailedException(
                ExitCode.NotFound, "The cluster has no shard yet, so no slot has an owner.",
                "shardadmin add-shard s1 --host … --port … --database …");
        var slot = SlotHash.Of(parse.GetRequiredValue(_partitionKey));
        var owner = ring.OwnerOf(slot);
        var answer = new { slot = slot.Value, shard = owner.Id.Value, address = owner.Address, epoch = ring.Epoch.Value };
        session.Output.Write(answer, console => console.WriteLine($"slot {slot}, shard {owner.Id} at {owner.Address}, epoch {ring.Epoch}"));
        return ExitCode.Done;
    }

    private static void RequireKey(ArgumentResult result)
    {
        var key = result.GetValueOrDefault<string>() ?? "";
        try
        {
            var bytes = new UTF8Encoding(false, throwOnInvalidBytes: true).GetByteCount(key);
            if (bytes is 0 or > MaxKeyBytes || key.Contains('\0', StringComparison.Ordinal))
                result.AddError($"A partition key is 1…{MaxKeyBytes} bytes of UTF-8 without NUL; this one has {bytes} bytes.");
        }
        catch (EncoderFallbackException)
        {
            result.AddError("A partition key is valid Unicode; this one has half a surrogate pair.");
        }
    }
}
