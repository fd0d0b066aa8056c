using Npgsql;
using ShardCore.Ring;
using ShardCore.Shards;

namespace ShardCore.Moves;

/// <summary>Source and target of a batch, and every kind of connection to them.</summary>
internal sealed class MoveEnds(Shard source, Shard target, Action<NpgsqlConnectionStringBuilder> configure, MovePipeline pipeline, TimeSpan stepLimit) : IAsyncDisposable
{
    private readonly ShardDataSources? _own = pipeline.Sources is null ? new ShardDataSources(settings => Configure(settings, configure, stepLimit)) : null;

    public MovePipeline Pipeline => pipeline;

    public Shard Source => source;

    public Shard Target => target;

    public NpgsqlDataSource From => (pipeline.Sources ?? _own!).Of(source);

    public NpgsqlDataSource To => (pipeline.Sources ?? _own!).Of(target);

    /// <summary>What every connection of a mover has.</summary>
    public static void Configure(NpgsqlConnectionStringBuilder settings, Action<NpgsqlConnectionStringBuilder> configure, TimeSpan stepLimit)
    {
        configure(settings);
        settings.ApplicationName = "shardadmin";
        settings.CommandTimeout = (int)stepLimit.TotalSeconds;
    }

    /// <summary>
    /// For what an attempt brings to the target. Its commits do not wait for the disk: nothing of it counts before the
    /// release, and before that <see cref="TargetSession.FlushAsync"/> makes all of it durable at once.
    /// </summary>
    public NpgsqlDataSource Importing(Guid batch, int attempt)
    {
        var settings = Settings(target, batch, attempt);
        settings.Options = "-c synchronous_commit=off";
        return ShardDataSources.Build(settings, loadTypes: false);
    }

    /// <summary>For the stream of changes.</summary>
    public string Replication(Guid batch, int attempt)
    {
        var settings = Settings(source, batch, attempt);
        settings.Pooling = false;
        return settings.ConnectionString;
    }

    /// <summary>For one session at the target that lives as long as the attempt.</summary>
    public NpgsqlDataSource TargetSession(Guid batch, int attempt)
    {
        var settings = Settings(target, batch, attempt);
        settings.Pooling = false;
        settings.Options = "-c synchronous_commit=on";
        return ShardDataSources.Build(settings, loadTypes: false);
    }

    public ValueTask DisposeAsync() => _own?.DisposeAsync() ?? ValueTask.CompletedTask;

    /// <summary>By its application name the next attempt finds and ends what is left of this one.</summary>
    private NpgsqlConnectionStringBuilder Settings(Shard shard, Guid batch, int attempt)
    {
        var settings = new NpgsqlConnectionStringBuilder { Host = shard.Host, Port = shard.Port, Database = shard.Database };
        Configure(settings, configure, stepLimit);
        settings.ApplicationName = MoveImport.NameOf(batch, attempt);
        return settings;
    }
}
