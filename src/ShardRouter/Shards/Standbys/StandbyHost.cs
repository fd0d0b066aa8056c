using Npgsql;
using ShardCore.Ring;
using ShardCore.Shards;
using ShardCore.Shards.Failover;

namespace ShardRouter.Shards.Standbys;

/// <summary>One host of a shard, as a standby that may answer reads.</summary>
/// <param name="host">Its address.</param>
/// <param name="primary">Knows the shard's primary.</param>
internal sealed class StandbyHost(ShardHost host, ShardPrimary primary)
{
    public ShardHost Host => host;

    /// <summary>By the last look at all hosts, one a second.</summary>
    public bool IsUsable =>
        primary.Views.FirstOrDefault(view => view.Host == host) is { } view && StandbyChoice.IsUsable(view, primary.Seen);

    /// <summary>
    /// Once for each new session: who answers at this address now may be another than at the last look. Until it is fit it is asked again.
    /// </summary>
    public async Task<bool> IsFitAsync(ShardSession session)
    {
        if (session.IsExamined)
            return true;
        await using var command = new NpgsqlCommand(HostView.Sql, session.Connection);
        var view = primary.Timelines.Known(HostView.Parse(host, await command.ReadValueAsync<string?[]>(CancellationToken.None)));
        return session.IsExamined = StandbyChoice.IsUsable(view, primary.Seen);
    }
}
