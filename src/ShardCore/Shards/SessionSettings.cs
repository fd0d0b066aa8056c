using Npgsql;
using ShardCore.Sessions;

namespace ShardCore.Shards;

/// <summary>
/// All settings that this product's sessions at a shard depend on. A shard belongs to somebody else, who sets things for the role, the
/// database or the server. What the product needs is set at connect, which takes precedence over those.
/// </summary>
/// <remarks>
/// The settings are startup options (<c>-c name=value</c>). If a name comes twice, the last one counts, and <c>reset</c> goes back to
/// that. An unknown name there ends the connection. So only names of the oldest supported version (15) are here;
/// <see cref="SessionStart"/> sets the others.
/// </remarks>
public static class SessionSettings
{
    /// <summary>No settings. The option is explicit, because Npgsql would otherwise take PGOPTIONS.</summary>
    public const string None = "-c application_name=shardadmin";

    /// <summary>The settings of every session, also of the one that streams changes.</summary>
    public static string Every { get; } = Options(
        // A function or an operator that somebody made in another schema, for instance in "public", must not be called in place of
        // Postgres' own: the fence calls some of those.
        ("search_path", "pg_catalog,pg_temp"),
        // The warning that a commit was not confirmed (ShardConnection) must be sent.
        ("client_min_messages", "warning"),
        // The fence needs a snapshot for each statement and refuses any other level. Moves name their own level.
        ("default_transaction_isolation", "read\\ committed"),
        // Rows that a policy hides would be neither copied nor compared. With this setting such a query fails.
        ("row_security", "off"),
        // Sessions wait for their next work, and a move waits in open transactions. A person who set a limit meant other clients.
        ("idle_session_timeout", "0"),
        ("idle_in_transaction_session_timeout", "0"),
        ("statement_timeout", "0"),
        ("lock_timeout", "0"),
        // Values are sent as text in the stream of changes, and they are compared as text. So the target must read exactly what the source
        // wrote.
        ("DateStyle", "ISO,YMD"),
        ("IntervalStyle", "postgres"),
        ("TimeZone", "UTC"),
        ("extra_float_digits", "1"),
        ("bytea_output", "hex"),
        ("standard_conforming_strings", "on"),
        // The JIT compiler spent more time on statements whose cost the planner overrates than these statements took.
        ("jit", "off"));

    /// <summary>
    /// The settings of a router. Each of its statements is a look-up by key. Whether a shard is read-only is left to its operator.
    /// </summary>
    public static string Router { get; } = Options(
        // The statistics of a table that has just been filled must not lead the planner to anything but a look-up, and least of all to a
        // plan that is then kept.
        ("plan_cache_mode", "force_generic_plan"),
        ("enable_seqscan", "off"),
        ("enable_bitmapscan", "off"),
        ("enable_hashjoin", "off"),
        ("enable_mergejoin", "off"),
        ("enable_indexscan", "on"),
        ("enable_nestloop", "on"),
        // A page of a query is put together from ranges of an index, one behind the other. Parallel workers would mix them up. And a query
        // must not take the processors from the other requests.
        ("max_parallel_workers_per_gather", "0"),
        // This is the last resort: each request has its own deadline, which is shorter.
        ("statement_timeout", "35s"));

    /// <summary>
    /// The settings of a router for gathered statements. These must not wait for a slot that is being frozen, nor for a row that somebody
    /// else's transaction has locked. A statement that takes long is rolled back, and each of its operations then goes alone, so the slow
    /// operation harms only itself. The limit ends before the commit, so a slow disk or standby is not counted.
    /// </summary>
    public static string Gathering { get; } = Router + Options(("lock_timeout", "25ms"), ("statement_timeout", "300ms"));

    /// <summary>The settings of shardadmin.</summary>
    public static string Administration { get; } = Options(
        // If a person made a shard read-only for its users, the shard must still be examined, moved away from and mended.
        ("default_transaction_read_only", "off"),
        // The changes of shardadmin are on disk when they are answered, even if those of users are not.
        ("synchronous_commit", "on"));

    /// <param name="who">user@host, for the audit log (<c>sharding.audit_event</c>).</param>
    public static string AdministrationBy(string who) => Administration + Options(("sharding.by", Escaped(who)));

    /// <summary>The settings of a mover, in addition to <see cref="Administration"/>.</summary>
    /// <param name="waitsForDisk">
    /// True: commits are on disk when they are answered. False: what the session brings counts only with a later commit that is.
    /// </param>
    public static string Mover(bool waitsForDisk) => Options(
        // No scan of the whole table, because the statistics of a table that is being filled are from when it was empty. Statements that
        // read many slots read page by page (PageOrder); they need the other settings.
        ("enable_seqscan", "off"),
        ("enable_indexscan", "on"),
        ("enable_bitmapscan", "on"),
        ("enable_hashagg", "on"),
        ("synchronous_commit", waitsForDisk ? "on" : "off"));

    /// <summary>The settings of the stream of changes, in addition to <see cref="Mover"/>.</summary>
    /// <param name="snapshotLimit">How long the snapshot of the stream may wait for each transaction that runs.</param>
    public static string Replication(TimeSpan snapshotLimit) => Options(
        ("lock_timeout", FormattableString.Invariant($"{(long)snapshotLimit.TotalMilliseconds}")),
        // The mover answers every second. A limit that was set for the role may be shorter than a pause of a busy machine.
        ("wal_sender_timeout", "60s"));

    /// <summary>The settings of a session that holds hand-overs, in addition to <see cref="Administration"/>.</summary>
    public static string Holding { get; } = Options(
        // Its commits are durable at the shard. They do not wait for a standby, because nothing but a person or that standby would end
        // such a wait.
        ("synchronous_commit", "local"));

    /// <summary>
    /// More settings of every session, if the server knows them. For connections whose server version is known beforehand.
    /// </summary>
    public static string Newer(Version server) =>
        server.Major < SessionStart.FirstWithTransactionTimeout ? "" : Options(("transaction_timeout", "0"));

    /// <summary>In startup options a blank separates, and a backslash makes the next character an ordinary one.</summary>
    private static string Escaped(string value) =>
        string.Concat(value.Select(c => c is '\\' or ' ' ? $"\\{c}" : char.IsControl(c) ? "_" : $"{c}"));

    private static string Options(params ReadOnlySpan<(string Name, string Value)> settings)
    {
        var options = "";
        foreach (var (name, value) in settings)
            options += $" -c {name}={value}";
        return options;
    }
}
