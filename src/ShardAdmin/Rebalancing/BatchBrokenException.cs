namespace ShardAdmin.Rebalancing;

/// <summary>Whatever ended a batch, with the shards that it was between: what broke seldom says where. The reaction: that to the inner one.</summary>
internal sealed class BatchBrokenException(SourcedBatch batch, Exception inner) : Exception($"{NameOf(batch)}: {inner.Message}", inner)
{
    public string Where => NameOf(batch);

    private static string NameOf(SourcedBatch each) => $"Batch {each.Batch.Ordinal + 1}, {each.Source.Id} → {each.Batch.Target}";
}
