using Dapper;
using Npgsql;
using ShardCore.Ring;
using ShardCore.Shards;

namespace ShardCore.Moves.Importing;

/// <summary>How far a batch has come at its target, as the target knows it.</summary>
public enum ImportState
{
    /// <summary>It never heard of the batch, or has forgotten it.</summary>
    Unknown,

    /// <summary>Rows are being brought.</summary>
    Importing,

    /// <summary>All rows are there.</summary>
    Sealed,

    /// <summary>It came to own the slots by this batch, and owns them still; also when the import is over.</summary>
    Owned,

    /// <summary>
    /// It came to own the slots by this batch, and does not own all of them any more: they went on to another shard, perhaps back to
    /// the source.
    /// </summary>
    Passed,

    /// <summary>The import was ended; no attempt up to this one can come to own.</summary>
    Cancelled,
}

/// <summary>What a target says of a batch (<c>sharding.import_word</c>).</summary>
/// <param name="Attempt">The last that it knows; 0: none.</param>
/// <param name="Epoch">Of the release by which it owns.</param>
/// <param name="VersionFloor">Of that release.</param>
/// <param name="IsCompared">All that was brought has been compared with what the source had.</param>
public sealed record ImportWord(ImportState State, int Attempt, Epoch? Epoch, long? VersionFloor, bool IsCompared)
{
    /// <exception cref="NpgsqlException">The target does not answer.</exception>
    public static async Task<ImportWord> AskAsync(ShardDatabase target, Guid batch, CancellationToken cancellation)
    {
        await using var connection = await target.OpenAsync(cancellation);
        return await AskAsync(connection, batch, cancellation);
    }

    /// <param name="connection">To the target: what is asked on it afterwards is asked of the same server.</param>
    public static async Task<ImportWord> AskAsync(NpgsqlConnection connection, Guid batch, CancellationToken cancellation)
    {
        var row = await connection.QuerySingleAsync<Row>(new CommandDefinition(
            "select state as State, attempt as Attempt, epoch as Epoch, version_floor as VersionFloor, compared as IsCompared from sharding.import_word(@batch)",
            new { batch }, cancellationToken: cancellation));
        return new ImportWord(
            Enum.Parse<ImportState>(row.State, ignoreCase: true), row.Attempt, row.Epoch is { } epoch ? new Epoch(epoch) : null, row.VersionFloor, row.IsCompared);
    }

    private sealed record Row(string State, int Attempt, long? Epoch, long? VersionFloor, bool IsCompared);
}
