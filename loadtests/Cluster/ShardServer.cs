using Npgsql;

namespace LoadTests.Cluster;

/// <summary>A shard's database of a cluster that ./dev made.</summary>
/// <param name="ProcessId">Of its postmaster.</param>
internal sealed record ShardServer(string Host, int Port, string Database, int ProcessId = 0)
{
    /// <summary>./dev makes it, and trusts it on 127.0.0.1.</summary>
    public const string User = "sharding";

    public string ConnectionString => new NpgsqlConnectionStringBuilder { Host = Host, Port = Port, Database = Database, Username = User, Pooling = false }.ConnectionString;
}
