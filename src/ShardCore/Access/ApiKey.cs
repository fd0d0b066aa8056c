using System.Security.Cryptography;

namespace ShardCore.Access;

/// <summary>An API key as shards know it (docs/adr/0024-api-keys-live-in-the-shards.md).</summary>
/// <param name="Id">Public; names the key.</param>
/// <param name="SecretHash">SHA-256 of the secret.</param>
/// <param name="Scopes">By name. A newer version may have some that this one does not know.</param>
/// <param name="Collections">Those that it may touch; null: all.</param>
/// <param name="Partitions">As <see cref="PartitionPattern"/>; null: all.</param>
/// <param name="ExpiresAt">Null: never.</param>
/// <param name="RevokedAt">Null: it was not revoked.</param>
/// <param name="LastUsedAt">About; null: not known to be used.</param>
public sealed record ApiKey(
    string Id, string Name, byte[] SecretHash, string[] Scopes, string[]? Collections, string[]? Partitions,
    DateTime CreatedAt, DateTime? ExpiresAt, DateTime? RevokedAt, DateTime? LastUsedAt)
{
    /// <summary>Two shards say different things of what never changes. Nobody knows which is right, so the key is refused.</summary>
    public bool IsContradicted { get; private init; }

    /// <summary>
    /// What two shards know together. A row only ever comes nearer to its end, so no clock and no winner is needed: revoked if either says
    /// so, the earlier expiry, the later use. The order in which shards are asked does not matter.
    /// </summary>
    public ApiKey Merge(ApiKey other) => this with
    {
        ExpiresAt = Earlier(ExpiresAt, other.ExpiresAt),
        RevokedAt = Earlier(RevokedAt, other.RevokedAt),
        LastUsedAt = Later(LastUsedAt, other.LastUsedAt),
        IsContradicted = IsContradicted || other.IsContradicted || !HasSameRights(other),
    };

    /// <summary>What all shards know together, by id.</summary>
    public static IReadOnlyDictionary<string, ApiKey> MergeAll(IEnumerable<IEnumerable<ApiKey>> shards)
    {
        var merged = new Dictionary<string, ApiKey>(StringComparer.Ordinal);
        foreach (var key in shards.SelectMany(rows => rows))
            merged[key.Id] = merged.TryGetValue(key.Id, out var known) ? known.Merge(key) : key;
        return merged;
    }

    /// <summary>active · expired · revoked · contradicted.</summary>
    public string StateAt(DateTime now) =>
        IsContradicted ? "contradicted" : RevokedAt is not null ? "revoked" : ExpiresAt <= now ? "expired" : "active";

    /// <summary>How it ends is the same here and there. The last use may differ: it is told to one shard only.</summary>
    public bool EndsLike(ApiKey other) => ExpiresAt == other.ExpiresAt && RevokedAt == other.RevokedAt;

    /// <summary>What never changes is the same here and there.</summary>
    public bool HasSameRights(ApiKey other) =>
        Id == other.Id && Name == other.Name && CreatedAt == other.CreatedAt
        && CryptographicOperations.FixedTimeEquals(SecretHash, other.SecretHash) && MayDoWhat(other);

    /// <summary>Scopes, collections and partitions are the same. They may be two keys.</summary>
    public bool MayDoWhat(ApiKey other) =>
        Same(Scopes, other.Scopes) && Same(Collections, other.Collections) && Same(Partitions, other.Partitions);

    private static bool Same(string[]? one, string[]? other) =>
        one is null || other is null ? one is null && other is null : one.AsSpan().SequenceEqual(other);

    private static DateTime? Earlier(DateTime? one, DateTime? other) => one is null || other < one ? other : one;

    private static DateTime? Later(DateTime? one, DateTime? other) => one is null || other > one ? other : one;
}
