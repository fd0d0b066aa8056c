using Dapper;
using Npgsql;
using ShardCore.Ring;
using ShardCore.Shards;

namespace ShardCore.Moves.Importing;

/// <summary>How far a batch has come at its target, by what the target knows.</summary>
public enum ImportState
{
    /// <summary>The target never heard of the batch, or has forgotten it.</summary>
    Unknown,

    /// <summary>Rows are being brought.</summary>
    Importing,

    /// <summary>All rows are there.</summary>
    Sealed,

    /// <summary>
    /// The target became the owner of the slots by this batch and still is. This is also the state after the import is over.
    /// </summary>
    Owned,

    /// <summary>
    /// The target became the owner of the slots by this batch, and does not own all of them any more: they went on to another shard,
    /// perhaps back to the source.
    /// </summary>
    Passed,

    /// <summary>The import was ended. No attempt up to this one can become the owner.</summary>
    Cancelled,
}

/// <summary>The answer of a target about a batch (<c>sharding.import_word</c>).</summary>
/// <param name="Attempt">The last attempt that the target knows; 0: none.</param>
/// <param name="Epoch">The epoch of the release by which the target owns.</param>
/// <param name="VersionFloor">The version floor of that release.</param>
/// <param name="IsCompared">All rows that were brought have been compared with those of the source.</param>
public sealed record ImportWord(ImportState State, int Attempt, Epoch? Epoch, long? VersionFloor, bool IsCompared)
{
    /// <exception cref="NpgsqlException">The target does not answer.</exception>
    public static async Task<ImportWord> AskAsync(ShardDatabase target, Guid batch, CancellationToken cancellation)
    {
        await using var connection = await target.OpenAsync(cancellation);
        return await AskAsync(connection, batch, cancellation);
    }

    /// <param name="connection">A connection to the target. A later question on it goes to the same server.</param>
    public static async Task<ImportWord> AskAsync(NpgsqlConnection connection, Guid batch, CancellationToken cancellation)
    {
        var row = await connection.QuerySingleAsync<Row>(new CommandDefinition(
            """
            select state as State, attempt as Attempt, epoch as Epoch, version_floor as VersionFloor, compared as IsCompared
            from sharding.import_word(@batch)
            """,
            new { batch }, cancellationToken: cancellation));
        return new ImportWord(
            Enum.Parse<ImportState>(row.State, ignoreCase: true), row.Attempt, row.Epoch is { } epoch ? new Epoch(epoch) : null,
            row.VersionFloor, row.IsCompared);
    }

    private sealed record Row(string State, int Attempt, long? Epoch, long? VersionFloor, bool IsCompared);
}
