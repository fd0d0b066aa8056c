using Npgsql;
using ShardCore.Moves.Importing;
using ShardCore.Moves.Pipelining;
using ShardCore.Ring;
using ShardCore.Shards;

namespace ShardCore.Moves;

/// <summary>Source and target of a batch, and every kind of connection to them.</summary>
internal sealed class MoveEnds(Shard source, Shard target, ShardAccess access, MovePipeline pipeline, TimeSpan stepLimit) : IAsyncDisposable
{
    private readonly MoveConnections _connections = pipeline.Connections ?? new MoveConnections(access, stepLimit);

    public MovePipeline Pipeline => pipeline;

    public Shard Source => source;

    public Shard Target => target;

    public ShardDatabase From => _connections.Durable.Of(source);

    public ShardDatabase To => _connections.Durable.Of(target);

    /// <summary>The source, while writers wait.</summary>
    public ShardDatabase FromAtHandOver => _connections.HandOver.Of(source);

    /// <summary>The target, while writers wait.</summary>
    public ShardDatabase ToAtHandOver => _connections.HandOver.Of(target);

    /// <summary>Freeze and release have been run once on the source's session for hand-overs.</summary>
    public bool IsRehearsed
    {
        get => _connections.Rehearsed.ContainsKey(source.Id);
        set => _connections.Rehearsed[source.Id] = value;
    }

    /// <summary>
    /// For what an attempt brings to the target. Its commits do not wait for the disk: nothing of it counts before the
    /// release, and before that <see cref="HandingOver.TargetSession.SealAsync"/> makes all of it durable at once.
    /// </summary>
    public AttemptSessions Importing(Guid batch, int attempt) => new(_connections.Lazy.Of(target), MoveImport.NameOf(batch, attempt));

    /// <summary>For one session at the target that lives as long as the attempt.</summary>
    public AttemptSessions Lasting(Guid batch, int attempt) => new(To, MoveImport.NameOf(batch, attempt));

    /// <summary>For the stream of changes.</summary>
    /// <param name="snapshotLimit">How long its snapshot may wait for the transactions that run.</param>
    public async Task<string> ReplicationAsync(Guid batch, int attempt, TimeSpan snapshotLimit, CancellationToken cancellation)
    {
        await using var open = await From.OpenAsync(cancellation);
        var present = open.ToNpgsqlConnection(); // tells where the primary is, and its version
        // The library streams from one server only. If that is replaced, the stream ends, and the attempt with it.
        var settings = new NpgsqlConnectionStringBuilder { Host = present.Host, Port = present.Port, Database = source.Database, Pooling = false };
        MoveConnections.Configure(settings, access, stepLimit, waitsForDisk: true);
        settings.ApplicationName = MoveImport.NameOf(batch, attempt);
#pragma warning disable CS0618 // What replaces it is a data source's, and a replication connection has none.
        settings.ServerCompatibilityMode = ServerCompatibilityMode.NoTypeLoading; // All comes as text; to ask for the types takes the source 8 ms.
#pragma warning restore CS0618
        settings.Options = SessionSettings.Every + settings.Options + SessionSettings.Replication(snapshotLimit) + SessionSettings.Newer(present.PostgreSqlVersion);
        return settings.ConnectionString;
    }

    public ValueTask DisposeAsync() => pipeline.Connections is null ? _connections.DisposeAsync() : ValueTask.CompletedTask;
}
