using Npgsql;
using ShardCore.Ring;
using ShardCore.Shards;

namespace ShardCore.Moves;

/// <summary>Source and target of a batch, and every kind of connection to them.</summary>
internal sealed class MoveEnds(Shard source, Shard target, Action<NpgsqlConnectionStringBuilder> configure, MovePipeline pipeline, TimeSpan stepLimit) : IAsyncDisposable
{
    private readonly ShardDataSources? _own = pipeline.Sources is null ? SourcesOf(configure, stepLimit, waitsForDisk: true) : null;
    private readonly ShardDataSources? _ownLazy = pipeline.LazySources is null ? SourcesOf(configure, stepLimit, waitsForDisk: false) : null;

    public MovePipeline Pipeline => pipeline;

    public Shard Source => source;

    public Shard Target => target;

    public NpgsqlDataSource From => (pipeline.Sources ?? _own!).Of(source);

    public NpgsqlDataSource To => (pipeline.Sources ?? _own!).Of(target);

    /// <param name="waitsForDisk">Whether commits do, whatever the server's own setting is: a release that a crash undid would give its slots two owners.</param>
    public static ShardDataSources SourcesOf(Action<NpgsqlConnectionStringBuilder> configure, TimeSpan stepLimit, bool waitsForDisk) =>
        new(settings => Configure(settings, configure, stepLimit, waitsForDisk));

    /// <summary>What every connection of a mover has.</summary>
    private static void Configure(NpgsqlConnectionStringBuilder settings, Action<NpgsqlConnectionStringBuilder> configure, TimeSpan stepLimit, bool waitsForDisk)
    {
        configure(settings);
        settings.ApplicationName = "shardadmin";
        // No whole table: the statistics of one that is being filled are of when it was empty.
        settings.Options += $" -c enable_seqscan=off -c synchronous_commit={(waitsForDisk ? "on" : "off")}";
        settings.CommandTimeout = (int)stepLimit.TotalSeconds;
        settings.ReadBufferSize = 64 * 1024; // a copy comes in long streams
    }

    /// <summary>
    /// For what an attempt brings to the target. Its commits do not wait for the disk: nothing of it counts before the
    /// release, and before that <see cref="TargetSession.FlushAsync"/> makes all of it durable at once.
    /// </summary>
    public AttemptSessions Importing(Guid batch, int attempt) => new((pipeline.LazySources ?? _ownLazy!).Of(target), MoveImport.NameOf(batch, attempt));

    /// <summary>For one session at the target that lives as long as the attempt.</summary>
    public AttemptSessions Lasting(Guid batch, int attempt) => new(To, MoveImport.NameOf(batch, attempt));

    /// <summary>For the stream of changes.</summary>
    public string Replication(Guid batch, int attempt)
    {
        var settings = new NpgsqlConnectionStringBuilder { Host = source.Host, Port = source.Port, Database = source.Database, Pooling = false };
        Configure(settings, configure, stepLimit, waitsForDisk: true);
        settings.ApplicationName = MoveImport.NameOf(batch, attempt);
        return settings.ConnectionString;
    }

    public async ValueTask DisposeAsync()
    {
        if (_own is not null)
            await _own.DisposeAsync();
        if (_ownLazy is not null)
            await _ownLazy.DisposeAsync();
    }
}
