using Npgsql;

namespace ShardRouter.Shards;

/// <summary>Prepares statements, so a session parses each of them once.</summary>
internal static class PreparedCommand
{
    /// <summary>
    /// Prepares the command unless its session has prepared the same statement already. Statements are prepared by name and not by <c>Max
    /// Auto Prepare</c>. There Npgsql 10 counts a statement as prepared before it knows the columns. A cancellation or an error in
    /// between leaves a statement whose next answer Npgsql cannot read. A write would be applied, and its answer lost
    /// (docs/adr/0015-statements-are-prepared-by-name.md).
    /// </summary>
    public static Task PrepareOnceAsync(this NpgsqlCommand command) =>
        command.IsPrepared ? Task.CompletedTask : command.PrepareAsync(CancellationToken.None);
}
