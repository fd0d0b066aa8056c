using System.Collections.Concurrent;
using Npgsql;
using ShardCore.Ring;
using ShardCore.Shards;

namespace ShardCore.Moves.Pipelining;

/// <summary>Pools of connections to the shards, one for each kind of work that a mover does on them.</summary>
/// <param name="access">Knows the primaries, and adjusts every connection.</param>
internal sealed class MoveConnections(ShardAccess access, TimeSpan stepLimit) : IAsyncDisposable
{
    /// <summary>
    /// The application name of a mover's sessions, except for those that have the name of an attempt
    /// (<see cref="Sessions.AttemptSessions.NameOf(Guid, int)"/>).
    /// </summary>
    public const string MoverName = "shardadmin mover";

    /// <summary>
    /// Connections whose commits wait for the disk, even if the server's own setting says otherwise: a release that a crash undid would
    /// give its slots two owners.
    /// </summary>
    public ShardDataSources Durable { get; } = new(access, settings => Configure(settings, access, stepLimit, waitsForDisk: true));

    /// <summary>Connections whose commits do not wait for the disk.</summary>
    public ShardDataSources Lazy { get; } = new(access, settings => Configure(settings, access, stepLimit, waitsForDisk: false));

    /// <summary>
    /// The same as <see cref="Durable"/>, only for what is done while writers wait. Batches are handed over one at a time, so this is one
    /// connection for each shard. Its session has the catalog and these functions in its cache.
    /// </summary>
    public ShardDataSources HandOver { get; } = new(access, settings => Configure(settings, access, stepLimit, waitsForDisk: true));

    /// <summary>The sources whose <see cref="HandOver"/> session has already run the statements that run while writers wait.</summary>
    public ConcurrentDictionary<ShardId, bool> Rehearsed { get; } = [];

    /// <summary>Sets what every connection of a mover needs.</summary>
    public static void Configure(NpgsqlConnectionStringBuilder settings, ShardAccess access, TimeSpan stepLimit, bool waitsForDisk)
    {
        access.Configure(settings);
        settings.ApplicationName = MoverName;
        settings.Options += SessionSettings.Mover(waitsForDisk);
        settings.CommandTimeout = (int)stepLimit.TotalSeconds;
        settings.ReadBufferSize = 64 * 1024; // a copy comes in long streams
        // A reset would throw away the plans of the session's functions, and each call would make them again. Nothing else needs a reset.
        // All settings are made for one transaction, which is rolled back when the connection is given back. The one exception is the name
        // of an attempt's session, which AttemptSession resets.
        settings.NoResetOnClose = true;
    }

    public async ValueTask DisposeAsync()
    {
        await Durable.DisposeAsync();
        await Lazy.DisposeAsync();
        await HandOver.DisposeAsync();
    }
}
