using System.Collections.Concurrent;
using Npgsql;
using ShardCore.Ring;
using ShardCore.Shards;

namespace ShardCore.Moves.Pipelining;

/// <summary>Pools of connections to the shards, by what a mover does on them.</summary>
/// <param name="access">Knows the primaries, and adjusts every connection.</param>
internal sealed class MoveConnections(ShardAccess access, TimeSpan stepLimit) : IAsyncDisposable
{
    /// <summary>
    /// The application name of a mover's sessions, but for those that have the name of an attempt (<see
    /// cref="Importing.MoveImport.NameOf(Guid, int)"/>).
    /// </summary>
    public const string MoverName = "shardadmin mover";

    /// <summary>Their commits wait for the disk, whatever the server's own setting is: a release that a crash undid would give its slots two owners.</summary>
    public ShardDataSources Durable { get; } = new(access, settings => Configure(settings, access, stepLimit, waitsForDisk: true));

    /// <summary>Their commits do not wait for the disk.</summary>
    public ShardDataSources Lazy { get; } = new(access, settings => Configure(settings, access, stepLimit, waitsForDisk: false));

    /// <summary>
    /// As <see cref="Durable"/>, for what is done while writers wait and for nothing else. Batches are handed over one at a time, so it is one
    /// connection a shard, whose session knows the catalog and these functions.
    /// </summary>
    public ShardDataSources HandOver { get; } = new(access, settings => Configure(settings, access, stepLimit, waitsForDisk: true));

    /// <summary>Sources whose <see cref="HandOver"/> session has run what runs while writers wait.</summary>
    public ConcurrentDictionary<ShardId, bool> Rehearsed { get; } = [];

    /// <summary>What every connection of a mover has.</summary>
    public static void Configure(NpgsqlConnectionStringBuilder settings, ShardAccess access, TimeSpan stepLimit, bool waitsForDisk)
    {
        access.Configure(settings);
        settings.ApplicationName = MoverName;
        settings.Options += SessionSettings.Mover(waitsForDisk);
        settings.CommandTimeout = (int)stepLimit.TotalSeconds;
        settings.ReadBufferSize = 64 * 1024; // a copy comes in long streams
        // Resetting it would throw its functions' plans away, and each call would make them anew. There is nothing else to reset: all that is set is
        // set for a transaction, and that is rolled back when it is given back; or it is the name of an attempt's session (AttemptSession).
        settings.NoResetOnClose = true;
    }

    public async ValueTask DisposeAsync()
    {
        await Durable.DisposeAsync();
        await Lazy.DisposeAsync();
        await HandOver.DisposeAsync();
    }
}
