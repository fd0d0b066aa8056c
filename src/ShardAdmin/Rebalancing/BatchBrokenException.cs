using Npgsql;

namespace ShardAdmin.Rebalancing;

/// <summary>Whatever ended a batch, with the shards that it was between: what broke seldom says where. The reaction: that to the inner one.</summary>
internal sealed class BatchBrokenException(SourcedBatch batch, Exception inner) : Exception($"{NameOf(batch)}: {inner.Message}", inner)
{
    public string Where => NameOf(batch);

    /// <summary>A COPY whose connection broke is over before it can be cancelled, which is then all that the library says.</summary>
    public static bool IsBrokenCopy(Exception e) => e is ObjectDisposedException { ObjectName: nameof(NpgsqlRawCopyStream) };

    private static string NameOf(SourcedBatch each) => $"Batch {each.Batch.Ordinal + 1}, {each.Source.Id} → {each.Batch.Target}";
}
