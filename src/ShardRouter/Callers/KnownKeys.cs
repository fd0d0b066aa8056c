using System.Collections.Frozen;
using System.Security.Cryptography;
using ShardCore.Access;

namespace ShardRouter.Callers;

/// <summary>All API keys at one moment. It never changes; <see cref="KeyHolder"/> replaces it as a whole.</summary>
internal sealed class KnownKeys
{
    private readonly FrozenDictionary<string, KnownKey> _byId;
    private readonly FrozenDictionary<string, KnownKey>.AlternateLookup<ReadOnlySpan<char>> _byText;

    /// <param name="keys">What all shards know together.</param>
    /// <param name="before">What this router knew so far: the uses go on from there. Null: nothing.</param>
    public KnownKeys(IReadOnlyDictionary<string, ApiKey> keys, KnownKeys? before)
    {
        Rows = keys;
        _byId = keys.ToFrozenDictionary(
            key => key.Key,
            key => new KnownKey(key.Value, before?._byId.GetValueOrDefault(key.Key)?.Use ?? new KeyUse()), StringComparer.Ordinal);
        _byText = _byId.GetAlternateLookup<ReadOnlySpan<char>>();
    }

    /// <summary>As the shards have them, merged.</summary>
    public IReadOnlyDictionary<string, ApiKey> Rows { get; }

    public IEnumerable<KeyValuePair<string, KeyUse>> Uses => _byId.Select(key => KeyValuePair.Create(key.Key, key.Value.Use));

    /// <summary>Takes as long for an unknown id as for a wrong secret.</summary>
    /// <param name="key">Null: there is none of this id.</param>
    public KeyVerdict Judge(ReadOnlySpan<char> id, ReadOnlySpan<char> secret, DateTime now, out KnownKey? key)
    {
        Span<byte> hash = stackalloc byte[ApiKeyText.HashBytes];
        ApiKeyText.Hash(secret, hash);
        if (_byText.TryGetValue(id, out key))
            return key.Judge(hash, now);
        Span<byte> nobodys = stackalloc byte[ApiKeyText.HashBytes];
        _ = CryptographicOperations.FixedTimeEquals(hash, nobodys);
        return KeyVerdict.Unknown;
    }
}
