using Npgsql;
using ShardRouter.Outcomes;

namespace ShardRouter.Items;

/// <summary>
/// An index of a collection refuses a write: its value is not unique, or too large. Postgres tells it as an error, so nothing of the
/// statement is applied, also of the other writes in it.
/// </summary>
internal static class IndexRefusal
{
    private const string ItemsSchema = "sharding_items";
    private const string UniqueSuffix = ".u"; // migrations/shard/0013_create_indexes.sql

    public static bool Is(PostgresException error) =>
        error.SqlState is PostgresErrorCodes.UniqueViolation or PostgresErrorCodes.ProgramLimitExceeded
        && error is { SchemaName: ItemsSchema, ConstraintName: not null };

    /// <summary>The answer of the only write of the statement.</summary>
    public static WriteResult Of(PostgresException error, string collection)
    {
        var index = error.ConstraintName!;
        if (index.EndsWith(UniqueSuffix, StringComparison.Ordinal))
            index = index[..^UniqueSuffix.Length];
        if (index.StartsWith(collection + ".", StringComparison.Ordinal))
            index = index[(collection.Length + 1)..];
        var outcome = error.SqlState == PostgresErrorCodes.UniqueViolation ? WriteOutcome.UniqueViolation : WriteOutcome.TooLargeForIndex;
        return new WriteResult(outcome, null, null, null, null, index);
    }
}
