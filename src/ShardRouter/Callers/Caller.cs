using System.Collections.Frozen;
using Microsoft.AspNetCore.Http.Features;
using ShardCore.Access;

namespace ShardRouter.Callers;

/// <summary>Who sent a request, and what that one may do: of an API key, of a token, or anybody at a router that runs open.</summary>
/// <param name="scopes">What it may do.</param>
/// <param name="collections">Where; null: in all collections.</param>
/// <param name="partitions">In which partitions; null: in all.</param>
/// <param name="name">Of the key, or of who has the token; null: nobody was asked.</param>
internal sealed class Caller(AccessScope scopes, IEnumerable<string>? collections, IEnumerable<PartitionPattern>? partitions, string? name = null)
{
    private readonly FrozenSet<string>? _collections = collections?.ToFrozenSet(StringComparer.Ordinal);
    private readonly PartitionPattern[]? _partitions = partitions?.ToArray();

    /// <summary>At a router that runs open.</summary>
    public static Caller Anybody { get; } = new(AccessScopes.All, null, null);

    /// <summary>Tells callers apart, as long as this process runs. Null: nobody knows who this is.</summary>
    public int? Identity { get; } = name is null ? null : string.GetHashCode(name, StringComparison.Ordinal);

    /// <summary>Every collection and every partition.</summary>
    public bool IsEverywhere => _collections is null && _partitions is null;

    /// <summary>The partitions that it may use; null: all.</summary>
    public IReadOnlyList<PartitionPattern>? Partitions => _partitions;

    public bool HasAll(AccessScope wanted) => (scopes & wanted) == wanted;

    public bool HasAny(AccessScope wanted) => (scopes & wanted) != AccessScope.None;

    public bool MayUseCollection(string name) => _collections?.Contains(name) != false;

    public bool MayUsePartition(string partitionKey)
    {
        if (_partitions is null)
            return true;
        foreach (var pattern in _partitions)
            if (pattern.Matches(partitionKey))
                return true;
        return false;
    }

    /// <summary>
    /// Who sent this request. There is always one: a route that forgot to let the caller be known must not serve anybody.
    /// </summary>
    public static Caller Of(HttpContext context) => context.Features.GetRequiredFeature<Caller>();
}
