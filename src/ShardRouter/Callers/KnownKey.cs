using System.Security.Cryptography;
using ShardCore.Access;

namespace ShardRouter.Callers;

/// <summary>An API key as this router knows it, in the form in which a request is compared with it.</summary>
/// <param name="use">Outlives this object: it is passed on when the key is read anew.</param>
internal sealed class KnownKey(ApiKey key, KeyUse use)
{
    private readonly byte[] _secretHash = key.SecretHash;
    private readonly bool _isRevoked = key.RevokedAt is not null || key.IsContradicted;
    private readonly long _expiresAt = key.ExpiresAt?.Ticks ?? long.MaxValue;

    public KeyUse Use => use;

    public Caller Caller { get; } = new(
        AccessScopes.Parse(key.Scopes), key.Collections, key.Partitions?.Select(PartitionPattern.TryParse).OfType<PartitionPattern>(),
        "key " + key.Id);

    /// <summary>How a key ended is told only to who knows its secret.</summary>
    public KeyVerdict Judge(ReadOnlySpan<byte> secretHash, DateTime now) =>
        !CryptographicOperations.FixedTimeEquals(secretHash, _secretHash) ? KeyVerdict.WrongSecret
        : _isRevoked ? KeyVerdict.Revoked
        : now.Ticks >= _expiresAt ? KeyVerdict.Expired
        : KeyVerdict.Accepted;
}

internal enum KeyVerdict
{
    Accepted,
    Unknown,
    WrongSecret,
    Expired,
    Revoked,
}

/// <summary>When a key was used last, in whole seconds: what all its requests write must seldom change.</summary>
internal sealed class KeyUse
{
    private long _second;

    /// <summary>Up to which use a shard was told.</summary>
    public long Told { get; set; }

    public long Second => Volatile.Read(ref _second);

    public void Now(DateTime now)
    {
        var second = now.Ticks / TimeSpan.TicksPerSecond;
        if (Volatile.Read(ref _second) < second)
            Volatile.Write(ref _second, second);
    }
}
