using Npgsql;

namespace ShardRouter.Shards;

/// <summary>
/// The statements that a session has prepared and that name a collection. There may be thousands of them, and each takes memory at the
/// server. So a session keeps the ones used last.
/// </summary>
/// <remarks>
/// A statement that is used again after it was dropped is prepared once more, which costs a round trip and its planning. How the memory
/// was measured: docs/adr/0028-a-partition-a-collection.md.
/// </remarks>
internal sealed class NamedStatements
{
    /// <summary>The most statements that a session keeps. Each takes about 0.1 MB at the server.</summary>
    internal const int Most = 512;

    /// <summary>A collection that a shard did not have is taken for missing this long; asking again would fail a statement each time.</summary>
    private static readonly TimeSpan MissingFor = TimeSpan.FromMilliseconds(500);

    private const int MostMissing = 1000;

    private readonly PreparedStatements _prepared = new(Most);
    private readonly Dictionary<string, long> _missing = new(StringComparer.Ordinal);

    /// <summary>Prepares the command, unless the session has prepared its text already.</summary>
    public async Task PrepareAsync(NpgsqlCommand command)
    {
        if (!await _prepared.TryPrepareAsync(command))
            await _prepared.PrepareAsync(command);
    }

    /// <summary>The shard said a moment ago that it does not have the collection.</summary>
    public bool IsMissing(string collection)
    {
        if (_missing.Count == 0 || !_missing.TryGetValue(collection, out var since))
            return false;
        if (Environment.TickCount64 - since < MissingFor.TotalMilliseconds)
            return true;
        _missing.Remove(collection);
        return false;
    }

    public void Miss(string collection)
    {
        if (_missing.Count >= MostMissing)
            _missing.Clear();
        _missing[collection] = Environment.TickCount64;
    }
}
