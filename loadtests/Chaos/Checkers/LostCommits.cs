namespace LoadTests.Chaos.Checkers;

/// <summary>A stretch of time whose commits a shard may have lost, because an asynchronous standby that lacked them took over.</summary>
/// <param name="Keys">The partitions in slots that the shard owned at any moment of it.</param>
/// <param name="From">Microseconds of the recorder's clock: the standby had flushed all that was acknowledged until then.</param>
/// <param name="To">Microseconds of the recorder's clock: from then on only the new primary answers.</param>
internal sealed record LostCommitWindow(IReadOnlySet<string> Keys, long From, long To);
