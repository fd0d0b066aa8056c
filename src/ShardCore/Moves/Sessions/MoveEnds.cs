using Npgsql;
using ShardCore.Moves.Pipelining;
using ShardCore.Ring;
using ShardCore.Shards;

namespace ShardCore.Moves.Sessions;

/// <summary>Source and target of a batch, and every kind of connection to them.</summary>
internal sealed class MoveEnds(Shard source, Shard target, ShardAccess access, MovePipeline pipeline, TimeSpan stepLimit)
    : IAsyncDisposable
{
    private readonly MoveConnections _connections = pipeline.Connections ?? new MoveConnections(access, stepLimit);

    public MovePipeline Pipeline => pipeline;

    public Shard Source => source;

    public Shard Target => target;

    public ShardDatabase From => _connections.Durable.Of(source);

    public ShardDatabase To => _connections.Durable.Of(target);

    /// <summary>Connections to the source for what is done while writers wait.</summary>
    public ShardDatabase FromAtHandOver => _connections.HandOver.Of(source);

    /// <summary>Connections to the target for what is done while writers wait.</summary>
    public ShardDatabase ToAtHandOver => _connections.HandOver.Of(target);

    /// <summary>Whether freeze and release have been run once on the source's session for hand-overs.</summary>
    public bool IsRehearsed
    {
        get => _connections.Rehearsed.ContainsKey(source.Id);
        set => _connections.Rehearsed[source.Id] = value;
    }

    /// <summary>
    /// Sessions for what an attempt brings to the target. Their commits do not wait for the disk: nothing of it counts before the release,
    /// and before that <see cref="HandingOver.TargetSession.SealAsync"/> makes all of it durable at once.
    /// </summary>
    public AttemptSessions Importing(Guid batch, int attempt) => new(_connections.Lazy.Of(target), AttemptSessions.NameOf(batch, attempt));

    /// <summary>Sessions at the target that may live as long as the attempt.</summary>
    public AttemptSessions Lasting(Guid batch, int attempt) => new(To, AttemptSessions.NameOf(batch, attempt));

    /// <summary>Makes the connection string for the stream of changes.</summary>
    /// <param name="snapshotLimit">How long the snapshot may wait for the transactions that run.</param>
    public async Task<string> ReplicationAsync(Guid batch, int attempt, TimeSpan snapshotLimit, CancellationToken cancellation)
    {
        await using var open = await From.OpenAsync(cancellation);
        var present = open.ToNpgsqlConnection(); // this tells where the primary is, and its version
        // The library streams from one server only. If that server is replaced, the stream ends, and the attempt with it.
        var settings = new NpgsqlConnectionStringBuilder
        {
            Host = present.Host,
            Port = present.Port,
            Database = source.Database,
            SslMode = ShardEncryption.Mode,
            Pooling = false,
        };
        MoveConnections.Configure(settings, access, stepLimit, waitsForDisk: true);
        settings.ApplicationName = AttemptSessions.NameOf(batch, attempt);
#pragma warning disable CS0618 // Its replacement belongs to a data source, and a replication connection has none.
        // All values come as text; asking for the types takes the source 8 ms.
        settings.ServerCompatibilityMode = ServerCompatibilityMode.NoTypeLoading;
#pragma warning restore CS0618
        settings.Options = SessionSettings.Every + settings.Options + SessionSettings.Replication(snapshotLimit)
            + SessionSettings.Newer(present.PostgreSqlVersion);
        return settings.ConnectionString;
    }

    public ValueTask DisposeAsync() => pipeline.Connections is null ? _connections.DisposeAsync() : ValueTask.CompletedTask;
}
