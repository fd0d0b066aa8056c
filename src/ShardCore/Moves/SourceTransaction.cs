using NpgsqlTypes;

namespace ShardCore.Moves;

/// <summary>One committed transaction of the source, with its changes to the slots of this move.</summary>
/// <param name="EndLsn">Behind its commit: what may be acknowledged once it is applied. The end of a RelationMessage or of a
/// single change must not be used for that: it is 0/0 or within the transaction.</param>
/// <param name="Markers">The logical messages in it, prefix and text.</param>
internal sealed record SourceTransaction(NpgsqlLogSequenceNumber EndLsn, IReadOnlyList<RowChange> Changes, IReadOnlyList<(string Prefix, string Text)> Markers);
