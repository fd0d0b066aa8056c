using System.Data;
using System.Reflection;
using Dapper;
using Npgsql;
using ShardCore.Shards;

namespace ShardCore.Migrations;

/// <summary>
/// Brings one shard's schema to the version that this program was written for. It is safe to run twice, and at the same time.
/// </summary>
/// <remarks>
/// Steps: refuse an unsuitable database; take the advisory lock (<see cref="MigrationLock"/>); compare the applied migrations and the
/// present schema with what this program knows; refuse any difference except missing files; become the schema's owner
/// (<see cref="SchemaOwner"/>); apply each missing file in its own transaction, together with its row; set the rights of the roles
/// (<c>sharding.set_rights</c>). A crash leaves only whole migrations; the next run goes on from there.
/// </remarks>
public sealed class ShardMigrator
{
    /// <summary>How long we wait for another migrator before we give up.</summary>
    public static readonly TimeSpan LockLimit = TimeSpan.FromSeconds(60);

    /// <summary>How long a statement may wait for a table that others use: all traffic queues behind it during that time.</summary>
    public static readonly TimeSpan TableLockLimit = TimeSpan.FromSeconds(5);

    private const int FileTimeoutSeconds = 3600; // a migration may rewrite a large table

    private readonly IReadOnlyList<Migration> _known;
    private readonly TimeSpan _lockLimit;

    public ShardMigrator()
        : this(Known, LockLimit)
    {
    }

    internal ShardMigrator(IEnumerable<Migration> known, TimeSpan lockLimit)
    {
        _known = EmbeddedMigrations.InOrder(known);
        _lockLimit = lockLimit;
    }

    /// <summary>The migrations that this program has, in order.</summary>
    public static IReadOnlyList<Migration> Known { get; } = EmbeddedMigrations.Read();

    /// <summary>Applies the missing migrations.</summary>
    /// <exception cref="NpgsqlException">
    /// The shard cannot be reached, or a statement of a migration failed. Whole migrations before it stay applied.
    /// </exception>
    public async Task<MigrationResult> MigrateAsync(ShardDatabase shard, CancellationToken cancellation)
    {
        await using var connection = await shard.OpenAsync(cancellation);
        if ((await ShardSuitability.ReadAsync(connection, cancellation)).Problem is { } unsuitable)
            return Unsuitable(unsuitable);
        await using var held = await MigrationLock.TryTakeAsync(connection, _lockLimit, cancellation);
        if (held is null)
            return (await InspectAsync(connection, cancellation)) with
            {
                State = MigrationState.Busy,
                Problem = $"Another program has been migrating this shard for {_lockLimit.TotalSeconds:0} s. "
                    + "Nothing was changed; try again.",
            };
        var before = await InspectAsync(connection, cancellation);
        if (before.State is not (MigrationState.Pending or MigrationState.UpToDate))
            return before;
        await using var owner = await SchemaOwner.BecomeAsync(connection, cancellation);
        if (before.State == MigrationState.Pending)
            before = owner.Problem is { } problem
                ? before with
                {
                    State = MigrationState.NotPermitted,
                    Problem = $"{problem} Nothing was changed; run 'shardadmin migrate' as a user who is (for a database that is no shard "
                        + $"yet: shardadmin migrate --database HOST:PORT/DATABASE), or: grant {owner.Name} to {owner.User}.",
                }
                : await ApplyAsync(connection, before, cancellation);
        if (before.IsCurrent && owner.Problem is null && _known.Count >= SchemaOwner.FirstWithRights)
            await ExecuteAsync(connection, "select sharding.set_rights()", cancellation);
        return before;
    }

    /// <summary>
    /// Tells what <see cref="MigrateAsync"/> would do. It runs in a read-only transaction, and waits for a migration that is under way.
    /// </summary>
    /// <exception cref="NpgsqlException">The shard cannot be reached.</exception>
    public async Task<MigrationResult> InspectAsync(ShardDatabase shard, CancellationToken cancellation)
    {
        await using var connection = await shard.OpenAsync(cancellation);
        if ((await ShardSuitability.ReadAsync(connection, cancellation)).Problem is { } unsuitable)
            return Unsuitable(unsuitable);
        var seen = await InspectAsync(connection, cancellation);
        if (seen.State != MigrationState.Drift)
            return seen;
        // Deparsing (pg_get_expr and the like) does not keep to our snapshot, so a migration under way can look like drift.
        await using var held = await MigrationLock.TryTakeAsync(connection, _lockLimit, cancellation);
        return await InspectAsync(connection, cancellation);
    }

    private async Task<MigrationResult> InspectAsync(NpgsqlConnection connection, CancellationToken cancellation)
    {
        // Both reads have one snapshot, because the record of migrations and the catalog must be of the same moment.
        await using var transaction = await connection.BeginTransactionAsync(IsolationLevel.RepeatableRead, cancellation);
        await ExecuteAsync(connection, "set transaction read only; set local search_path = pg_catalog", cancellation);
        var applied = await MigrationTable.ReadAsync(connection, cancellation);
        return MigrationAssessment.Of(_known, applied, await SchemaCatalog.ReadAsync(connection, cancellation));
    }

    private async Task<MigrationResult> ApplyAsync(NpgsqlConnection connection, MigrationResult before, CancellationToken cancellation)
    {
        await MigrationLock.SetLockTimeoutAsync(connection, TableLockLimit, cancellation);
        var result = before;
        foreach (var migration in _known.Where(file => file.Version > before.VersionBefore))
        {
            try
            {
                await ApplyAsync(connection, migration, cancellation);
            }
            catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.LockNotAvailable)
            {
                return result with
                {
                    State = MigrationState.Busy,
                    Problem = $"{migration.FileName} waited {TableLockLimit.TotalSeconds:0} s for a table in use "
                        + "and was rolled back; try again.",
                };
            }
            result = result with
            {
                VersionAfter = migration.Version,
                Applied = [.. result.Applied, migration.FileName],
                Pending = [.. result.Pending.Skip(1)],
            };
        }
        return result with { State = MigrationState.Migrated };
    }

    private static async Task ApplyAsync(NpgsqlConnection connection, Migration migration, CancellationToken cancellation)
    {
        await using var transaction = await connection.BeginTransactionAsync(cancellation);
        await ExecuteAsync(connection, "set local search_path = pg_catalog", cancellation);
        if (migration.Version == 1)
            await MigrationTable.CreateAsync(connection, cancellation);
        await ExecuteAsync(connection, migration.Sql, cancellation);
        await MigrationTable.InsertAsync(
            connection, migration, await SchemaCatalog.ReadAsync(connection, cancellation), AppliedBy, cancellation);
        await transaction.CommitAsync(cancellation);
    }

    private static string AppliedBy =>
        $"{Environment.UserName}@{Environment.MachineName} {Assembly.GetEntryAssembly()?.GetName().Name} "
        + $"{typeof(ShardMigrator).Assembly.GetName().Version}";

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql, CancellationToken cancellation) =>
        await connection.ExecuteAsync(new CommandDefinition(sql, commandTimeout: FileTimeoutSeconds, cancellationToken: cancellation));

    private MigrationResult Unsuitable(string problem) =>
        new(0, 0, [], [.. _known.Select(file => file.FileName)], MigrationState.Unsuitable, problem + " Nothing was changed.");
}

/// <summary>The result of a migration, or of a check, of one shard.</summary>
/// <param name="VersionBefore">The last applied version before this call; 0: none.</param>
/// <param name="VersionAfter">The last applied version now.</param>
/// <param name="Applied">The files that this call applied, in order.</param>
/// <param name="Pending">The files that are not applied yet, in order.</param>
/// <param name="Problem">A sentence for people: what is wrong and what to do. Null: nothing is wrong.</param>
public sealed record MigrationResult(
    int VersionBefore, int VersionAfter, IReadOnlyList<string> Applied, IReadOnlyList<string> Pending, MigrationState State,
    string? Problem)
{
    /// <summary>Whether the schema is the one that this program was written for.</summary>
    public bool IsCurrent => State is MigrationState.UpToDate or MigrationState.Migrated;
}
