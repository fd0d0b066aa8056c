namespace ShardRouter.Items;

/// <summary>An item as it was read: <paramref name="Doc"/> is Postgres' jsonb text in UTF-8, passed on as it is.</summary>
internal sealed record Item(long Version, DateTime UpdatedAt, DateTime? ExpiresAt, byte[] Doc);
