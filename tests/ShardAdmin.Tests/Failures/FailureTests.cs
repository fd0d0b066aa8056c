using Npgsql;
using ShardAdmin.Failures;
using ShardAdmin.Operations;
using ShardCore.Moves.Batches;
using ShardCore.Moves.Failures;
using ShardCore.Ring;

namespace ShardAdmin.Tests.Failures;

/// <summary>What an exception becomes for people and scripts.</summary>
public sealed class FailureTests
{
    private const string Resume = "shardadmin ops resume 17";

    private static readonly Shard Source = new(new ShardId("s1"), "h", 1, "d");

    public static TheoryData<Exception, int, string, string> Endings => new()
    {
        { new StreamBrokenException("The stream of changes broke."), 7, "stream of changes", Resume },
        { new StreamBrokenException("The stream of changes broke.", new NpgsqlException("reset")), 7, "stream of changes", Resume },
        { new StreamBrokenException("The stream of changes broke.", Postgres("57P01")), 7, "stream of changes", Resume },
        { new StreamBrokenException("The replication slot is gone.", Postgres("55000")), 1, "slot is gone", "doctor; then: " + Resume },
        { new StreamBrokenException("The stream of changes broke.", Postgres("53100")), 1, "disk of a shard is full", "make room" },
        { new StreamBrokenException("The stream of changes broke.", Postgres("53300")), 7, "no connection left", "free connections" },
        { new SessionLostException("A session has been ended."), 7, "has been ended", Resume },
        { new ChangesDoNotFitException("2 changes touched 1 rows."), 1, "touched 1 rows", Resume },
        { Postgres("53100"), 1, "disk of a shard is full", "make room" },
        { Postgres("53300"), 7, "no connection left", "free connections" },
        { Postgres("57P03"), 7, "cannot be reached", Resume },
        { Postgres("42501"), 1, "42501", "doctor; then: " + Resume },
        { new NpgsqlException("reset"), 7, "reset", Resume },
        { new TimeoutException("too long"), 7, "too long", Resume },
        { new ShardUnreachableException("Shard s1 cannot be reached.", "start that Postgres server, then the same command again", new TimeoutException()), 7, "s1", "server, then " + Resume },
    };

    [Theory]
    [MemberData(nameof(Endings), DisableDiscoveryEnumeration = true)]
    public void What_ends_a_batch_has_a_code_of_its_own_and_names_its_shards_and_the_command_that_goes_on(Exception inner, int code, string told, string next)
    {
        var batch = new MoveBatch(Guid.NewGuid(), Guid.NewGuid(), 2, new ShardId("s2"), [new Slot(5)], MovePhase.Copying, 1, null, null);

        var failure = ExitCodes.FailureOf(new BatchBrokenException(new SourcedBatch(Source, batch, 0).Name, inner), "", Resume, timedOut: false);

        Assert.Equal(code, (int)failure.Code);
        Assert.StartsWith("Batch 3, s1 → s2: ", failure.Problem, StringComparison.Ordinal);
        Assert.Contains(told, failure.Problem, StringComparison.Ordinal);
        Assert.Contains(next, failure.Next, StringComparison.Ordinal);
        Assert.Contains(Resume, failure.Next, StringComparison.Ordinal);
    }

    private static PostgresException Postgres(string state) => new("it says so", "ERROR", "ERROR", state);
}
