using System.Data;
using System.Data.Common;
using System.Diagnostics.CodeAnalysis;
using Npgsql;
using ShardCore.Ring;
using ShardCore.Shards.Failover;

namespace ShardCore.Shards;

/// <summary>
/// A connection to a shard that does not pass a commit off as confirmed when it is not. All connections of both programs are opened here
/// (<see cref="ShardDatabase.OpenAsync"/>).
/// </summary>
/// <remarks>
/// A commit on a server with a synchronous standby waits for that standby. Whoever cancels the wait, a timeout or a person with
/// <c>pg_cancel_backend</c>, does not
/// undo the commit: Postgres answers success, with a warning before it, and Npgsql returns as if nothing was wrong. The warning is
/// known by the routine that
/// sends it, because its text depends on the server's language; <see cref="SessionSettings"/> sees to it that it is sent. It comes
/// before the answer, so whoever gives the connection
/// back after the answer fails here and cannot report success. A connection that is kept asks <see cref="RequireConfirmed"/> after each
/// commit that counts.
/// A server that was replaced by its standby without hearing of it commits too, and what it commits is lost. Once this program knows that, its answer is not passed on
/// as a confirmation either.
/// </remarks>
public sealed class ShardConnection : DbConnection
{
    private const string CancelledWait = "SyncRepWaitForLSN";

    private readonly NpgsqlConnection _inner;
    private readonly ShardPrimary? _primary;
    private readonly ShardHost _host;
    private volatile string? _notConfirmed;

    /// <param name="inner">Open.</param>
    /// <param name="primary">Of a shard with standbys.</param>
    /// <param name="host">What it is connected to.</param>
    internal ShardConnection(NpgsqlConnection inner, ShardPrimary? primary = null, ShardHost host = default)
    {
        (_inner, _primary, _host) = (inner, primary, host);
        _inner.Notice += OnNotice;
    }

    /// <summary>The server that it is connected to was the primary, and another is now.</summary>
    public bool IsReplaced => _primary?.IsReplaced(_host) == true;

    /// <summary>What it is connected to; default: the shard has one host.</summary>
    public ShardHost Host => _host;

    public ConnectionState FullState => _inner.FullState;

    public override ConnectionState State => _inner.State;

    public override string Database => _inner.Database;

    public override string DataSource => _inner.DataSource;

    public override string ServerVersion => _inner.ServerVersion;

    [AllowNull]
    public override string ConnectionString
    {
        get => _inner.ConnectionString;
        set => throw new NotSupportedException("A connection to a shard keeps its address.");
    }

    public static implicit operator NpgsqlConnection(ShardConnection connection) => connection._inner;

    public NpgsqlConnection ToNpgsqlConnection() => _inner;

    /// <summary>After the answer to a commit, where the connection is kept for more.</summary>
    /// <exception cref="CommitNotConfirmedException">Once for each commit.</exception>
    public void RequireConfirmed()
    {
        if (_notConfirmed is { } notice)
        {
            _notConfirmed = null;
            throw new CommitNotConfirmedException(notice);
        }
        if (IsReplaced)
            throw new CommitNotConfirmedException($"A commit may be lost: {_host} is not the shard's primary any more.", isTakenOver: true);
    }

    /// <summary>
    /// Never again: Dapper would open a connection that a keep-alive found broken, and go on without the locks and the transaction that
    /// its session had.
    /// </summary>
    public override void Open() => throw Broken();

    /// <inheritdoc cref="Open" />
    public override Task OpenAsync(CancellationToken cancellationToken) => Task.FromException(Broken());

    public override void Close() => _inner.Close();

    public override void ChangeDatabase(string databaseName) => _inner.ChangeDatabase(databaseName);

    /// <exception cref="CommitNotConfirmedException">A commit since the last look was not confirmed.</exception>
    public override async ValueTask DisposeAsync()
    {
        await _inner.DisposeAsync();
        _inner.Notice -= OnNotice;
        await base.DisposeAsync();
        RequireConfirmed();
    }

    protected override DbTransaction BeginDbTransaction(IsolationLevel isolationLevel) => _inner.BeginTransaction(isolationLevel);

    protected override async ValueTask<DbTransaction> BeginDbTransactionAsync(IsolationLevel isolationLevel, CancellationToken cancellationToken) =>
        await _inner.BeginTransactionAsync(isolationLevel, cancellationToken);

    protected override DbCommand CreateDbCommand() => _inner.CreateCommand();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            _inner.Dispose();
        base.Dispose(disposing);
    }

    private static NpgsqlException Broken() =>
        new("The session broke while nobody used it, and what it held is gone.", new IOException("The connection is not open."));

    private void OnNotice(object sender, NpgsqlNoticeEventArgs notice)
    {
        if (notice.Notice.Routine == CancelledWait)
            _notConfirmed = notice.Notice.MessageText;
    }
}
