using Npgsql;

namespace Workbench;

/// <summary>The database of a shard in a cluster that ./dev has made.</summary>
/// <param name="Host">One host, or several with their ports, separated by commas; then the primary among them is used.</param>
/// <param name="ProcessId">The process id of its postmaster.</param>
internal sealed record ShardServer(string Host, int Port, string Database, int ProcessId = 0)
{
    /// <summary>The user that ./dev makes; it needs no password on 127.0.0.1.</summary>
    public const string User = "sharding";

    public string ConnectionString => Host.Contains(',', StringComparison.Ordinal)
        ? new NpgsqlConnectionStringBuilder
        {
            Host = Host,
            Database = Database,
            Username = User,
            Pooling = false,
            TargetSessionAttributes = "primary",
            HostRecheckSeconds = 0,
            Timeout = 2,
        }.ConnectionString
        : new NpgsqlConnectionStringBuilder { Host = Host, Port = Port, Database = Database, Username = User, Pooling = false }.ConnectionString;
}
