using System.Text.Json;
using Npgsql;
using ShardRouter.Outcomes;

namespace ShardRouter.Items;

/// <summary>Reads the answers of <c>sharding.write_items</c>.</summary>
internal static class WriteAnswers
{
    /// <summary>The answer in the reader's row.</summary>
    /// <param name="mostBytes">A larger document is left out.</param>
    public static Fenced<WriteResult> At(NpgsqlDataReader reader, long mostBytes = long.MaxValue)
    {
        var outcome = reader.GetString(1);
        var detail = reader.IsDBNull(6) ? null : reader.GetString(6);
        return outcome is "not_owned" or "moving"
            ? Fenced<WriteResult>.Refused(ParseRefusal(detail!))
            : Fenced<WriteResult>.Answer(new WriteResult(
                Outcome(outcome),
                reader.IsDBNull(2) ? null : reader.GetInt64(2),
                reader.IsDBNull(3) ? null : reader.GetDateTime(3),
                reader.IsDBNull(4) ? null : reader.GetDateTime(4),
                reader.IsDBNull(5) || reader.GetBytes(5, 0, null, 0, 0) > mostBytes ? null : reader.GetFieldValue<byte[]>(5),
                detail));
    }

    /// <summary>The answer of a transaction that was refused.</summary>
    /// <param name="detail">The first culprit's result row, as JSON.</param>
    public static Fenced<TransactionResult> Refusal(string detail)
    {
        using var row = JsonDocument.Parse(detail);
        var outcome = row.RootElement.GetProperty("outcome").GetString()!;
        var text = row.RootElement.GetProperty("detail").GetString();
        if (outcome is "not_owned" or "moving")
            return Fenced<TransactionResult>.Refused(ParseRefusal(text!));
        var version = row.RootElement.GetProperty("version");
        var culprit = new WriteResult(Outcome(outcome), version.ValueKind == JsonValueKind.Null ? null : version.GetInt64(), null, null, null, text);
        return Fenced<TransactionResult>.Answer(new TransactionResult([], row.RootElement.GetProperty("ord").GetInt32() - 1, culprit));
    }

    private static FenceRefusal ParseRefusal(string detail)
    {
        using var row = JsonDocument.Parse(detail);
        var epoch = row.RootElement.GetProperty("epoch");
        return new FenceRefusal(
            row.RootElement.GetProperty("state").GetString(), row.RootElement.GetProperty("peer").GetString(),
            epoch.ValueKind == JsonValueKind.Null ? null : epoch.GetInt64());
    }

    private static WriteOutcome Outcome(string name) => name switch
    {
        "created" => WriteOutcome.Created,
        "replaced" => WriteOutcome.Replaced,
        "deleted" => WriteOutcome.Deleted,
        "checked" => WriteOutcome.Checked,
        "missing" => WriteOutcome.Missing,
        "precondition_failed" => WriteOutcome.PreconditionFailed,
        "invalid_patch" => WriteOutcome.InvalidPatch,
        "out_of_range" => WriteOutcome.OutOfRange,
        "no_collection" => WriteOutcome.NoCollection,
        _ => throw new InvalidOperationException($"write_items answered the unknown outcome '{name}'."),
    };
}

/// <summary>The result of a transaction: the result of every operation, or the first culprit; then nothing was applied.</summary>
/// <param name="FailedOperation">The culprit's place, from 0; null: all was applied.</param>
internal sealed record TransactionResult(IReadOnlyList<WriteResult> Results, int? FailedOperation, WriteResult? Culprit);
