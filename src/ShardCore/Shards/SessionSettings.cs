using Npgsql;

namespace ShardCore.Shards;

/// <summary>
/// All settings that this product's sessions at a shard depend on. A shard belongs to somebody else, who sets things for the role, the
/// database or the server;
/// what the product needs is set at connect, where it comes before those.
/// </summary>
/// <remarks>
/// As startup options (<c>-c name=value</c>), of which the last of a name counts, and which <c>reset</c> goes back to. An unknown name
/// there ends the connection,
/// so only names of the oldest supported version (15) are here; <see cref="SetNewerAsync"/> sets the others.
/// </remarks>
public static class SessionSettings
{
    /// <summary>Servers from this version on have transaction_timeout.</summary>
    private const int FirstWithTransactionTimeout = 17;

    /// <summary>Nothing, said explicitly: Npgsql takes PGOPTIONS otherwise.</summary>
    public const string None = "-c application_name=shardadmin";

    /// <summary>What every session has, also the one that streams changes.</summary>
    public static string Every { get; } = Options(
        // No function or operator that somebody made in a schema of his own, "public" for instance, is called in place of Postgres' own: the fence calls some.
        ("search_path", "pg_catalog,pg_temp"),
        // The warning that a commit was not confirmed (ShardConnection) must be sent.
        ("client_min_messages", "warning"),
        // The fence needs a snapshot for each statement and refuses any other level; moves name their own.
        ("default_transaction_isolation", "read\\ committed"),
        // Rows that a policy hides would be neither copied nor compared: an error instead.
        ("row_security", "off"),
        // Sessions wait for their next work, and a move waits in open transactions; whoever set a limit meant other clients.
        ("idle_session_timeout", "0"),
        ("idle_in_transaction_session_timeout", "0"),
        ("statement_timeout", "0"),
        ("lock_timeout", "0"),
        // Values travel as text in the stream of changes, and are compared as text: the target must read what the source wrote.
        ("DateStyle", "ISO,YMD"),
        ("IntervalStyle", "postgres"),
        ("TimeZone", "UTC"),
        ("extra_float_digits", "1"),
        ("bytea_output", "hex"),
        ("standard_conforming_strings", "on"),
        // Its compiler spent more time on statements whose cost the planner overrates than they took.
        ("jit", "off"));

    /// <summary>A router's. Every statement of it is a look-up by key, and read-only is left to whoever operates the shard.</summary>
    public static string Router { get; } = Options(
        // Statistics of a table that has just been filled must not talk the planner into anything else than a look-up, least of all into a plan that is then kept.
        ("plan_cache_mode", "force_generic_plan"),
        ("enable_seqscan", "off"),
        ("enable_bitmapscan", "off"),
        ("enable_hashjoin", "off"),
        ("enable_mergejoin", "off"),
        ("enable_indexscan", "on"),
        ("enable_nestloop", "on"),
        // The last resort: each request has a deadline of its own, which is shorter.
        ("statement_timeout", "35s"));

    /// <summary>
    /// A router's for gathered statements, which must not wait: neither for a slot that is being frozen nor for a row that somebody
    /// else's transaction holds. One that takes long is rolled back, and each of its operations then goes alone: the one that is to blame
    /// harms only itself. The limit ends before the commit, so a slow disk or standby is not counted.
    /// </summary>
    public static string Gathering { get; } = Router + Options(("lock_timeout", "25ms"), ("statement_timeout", "300ms"));

    /// <summary>shardadmin's.</summary>
    public static string Administration { get; } = Options(
        // Somebody who made a shard read-only for its users still wants it examined, moved away from and mended.
        ("default_transaction_read_only", "off"),
        // What shardadmin has changed is on disk, whatever writes of users may do.
        ("synchronous_commit", "on"));

    /// <summary>A mover's, beside <see cref="Administration"/>.</summary>
    /// <param name="waitsForDisk">Its commits are on disk when they are answered. Otherwise nothing of what it brings counts before a
    /// later commit that is.</param>
    public static string Mover(bool waitsForDisk) => Options(
        // No whole table: the statistics of one that is being filled are of when it was empty. What reads many slots reads by pages (PageOrder), for which the others are.
        ("enable_seqscan", "off"),
        ("enable_indexscan", "on"),
        ("enable_bitmapscan", "on"),
        ("enable_hashagg", "on"),
        ("synchronous_commit", waitsForDisk ? "on" : "off"));

    /// <summary>The stream of changes, beside <see cref="Mover"/>.</summary>
    /// <param name="snapshotLimit">How long its snapshot may wait for each transaction that runs.</param>
    public static string Replication(TimeSpan snapshotLimit) => Options(
        ("lock_timeout", FormattableString.Invariant($"{(long)snapshotLimit.TotalMilliseconds}")),
        // The mover answers every second; a limit of the role's may be shorter than a pause of a busy machine.
        ("wal_sender_timeout", "60s"));

    /// <summary>A session that holds hand-overs, beside <see cref="Administration"/>.</summary>
    public static string Holding { get; } = Options(
        // Its commits are durable here. For a standby they do not wait, because nothing but a person or that standby would end such a wait.
        ("synchronous_commit", "local"));

    /// <summary>What every session has where the server knows it: for connections whose server is known beforehand.</summary>
    public static string Newer(Version server) => server.Major < FirstWithTransactionTimeout ? "" : Options(("transaction_timeout", "0"));

    /// <summary>The same, once for each session that is made.</summary>
    internal static async Task SetNewerAsync(NpgsqlConnection connection)
    {
        if (Newer(connection.PostgreSqlVersion).Length == 0)
            return;
        await using var command = new NpgsqlCommand("set transaction_timeout = 0", connection);
        await command.ExecuteNonQueryAsync();
    }

    private static string Options(params ReadOnlySpan<(string Name, string Value)> settings)
    {
        var options = "";
        foreach (var (name, value) in settings)
            options += $" -c {name}={value}";
        return options;
    }
}
