using Npgsql;

namespace LoadTests.Cluster;

/// <summary>A shard's database of a cluster that ./dev made.</summary>
/// <param name="Host">Or several, each with its port, separated by commas: the primary among them is meant.</param>
/// <param name="ProcessId">Of its postmaster.</param>
internal sealed record ShardServer(string Host, int Port, string Database, int ProcessId = 0)
{
    /// <summary>./dev makes it, and trusts it on 127.0.0.1.</summary>
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
