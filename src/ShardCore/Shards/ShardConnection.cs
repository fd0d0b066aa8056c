using System.Data;
using System.Data.Common;
using System.Diagnostics.CodeAnalysis;
using Npgsql;
using ShardCore.Ring;
using ShardCore.Shards.Failover;

namespace ShardCore.Shards;

/// <summary>
/// A connection to a shard that does not report a commit as confirmed when it is not. All connections of both programs are opened here
/// (<see cref="ShardDatabase.OpenAsync"/>).
/// </summary>
/// <remarks>
/// A commit on a server with a synchronous standby waits for that standby. A timeout or a person (<c>pg_cancel_backend</c>) may cancel the
/// wait. That does not undo the commit: Postgres answers success, with a warning before the answer, and Npgsql returns as if nothing was
/// wrong. This class recognises the warning by the routine that sends it, because its text depends on the language of the server.
/// <see cref="SessionSettings"/> ensures that the warning is sent. The warning comes before the answer. So a caller that gives the
/// connection back after the answer fails here, and cannot report success. If a connection is kept, its user calls
/// <see cref="RequireConfirmed"/> after each commit that counts.
/// A server that was replaced by its standby and does not know it commits too, and those commits are lost. Once this program knows that
/// the server was replaced, its answer is not passed on as a confirmation either.
/// </remarks>
public sealed class ShardConnection : DbConnection
{
    private const string CancelledWait = "SyncRepWaitForLSN";

    private readonly NpgsqlConnection _inner;
    private readonly ShardPrimary? _primary;
    private readonly ShardHost _host;
    private volatile string? _notConfirmed;

    /// <param name="inner">An open connection.</param>
    /// <param name="primary">The primary of a shard with standbys; null: the shard has one host.</param>
    /// <param name="host">The host of the connection.</param>
    internal ShardConnection(NpgsqlConnection inner, ShardPrimary? primary = null, ShardHost host = default)
    {
        (_inner, _primary, _host) = (inner, primary, host);
        _inner.Notice += OnNotice;
    }

    /// <summary>Whether another server has become the primary since this connection was opened.</summary>
    public bool IsReplaced => _primary?.IsReplaced(_host) == true;

    /// <summary>The host of the connection; default: the shard has one host.</summary>
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

    /// <summary>Call this after the answer to a commit if the connection is kept for more work.</summary>
    /// <exception cref="CommitNotConfirmedException">A commit was not confirmed. It is thrown once for each such commit.</exception>
    public void RequireConfirmed()
    {
        if (_notConfirmed is { } notice)
        {
            _notConfirmed = null;
            throw new CommitNotConfirmedException(notice);
        }
        if (IsReplaced)
            throw new CommitNotConfirmedException(
                $"A commit may be lost: {_host} is not the shard's primary any more.", isTakenOver: true);
    }

    /// <summary>
    /// Always refuses: Dapper would open a connection again that a keep-alive found broken, and go on without the locks and the
    /// transaction of the former session.
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

    protected override async ValueTask<DbTransaction> BeginDbTransactionAsync(
        IsolationLevel isolationLevel, CancellationToken cancellationToken) =>
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
