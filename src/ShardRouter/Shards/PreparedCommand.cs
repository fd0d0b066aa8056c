using Npgsql;

namespace ShardRouter.Shards;

/// <summary>Statements that a session parses once.</summary>
internal static class PreparedCommand
{
    /// <summary>
    /// Prepares the command unless its session has the same statement prepared already. By name and not by <c>Max Auto Prepare</c>:
    /// there Npgsql 10 counts a statement as prepared before it knows the columns, so a cancellation or an error in between
    /// leaves one whose next answer it cannot read. A write would be applied, and its answer lost
    /// (docs/adr/0015-statements-are-prepared-by-name.md).
    /// </summary>
    public static Task PrepareOnceAsync(this NpgsqlCommand command) =>
        command.IsPrepared ? Task.CompletedTask : command.PrepareAsync(CancellationToken.None);
}
