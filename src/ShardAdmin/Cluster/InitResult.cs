using ShardCore.Migrations;
using ShardCore.Ring;

namespace ShardAdmin.Cluster;

internal enum InitOutcome
{
    Initialised,
    AlreadyInitialised,
    WouldInitialise,
}

/// <param name="Migrations">By shard; empty when nothing had to be done.</param>
internal sealed record InitResult(InitOutcome Outcome, ShardRing Ring, IReadOnlyDictionary<ShardId, MigrationResult> Migrations);
