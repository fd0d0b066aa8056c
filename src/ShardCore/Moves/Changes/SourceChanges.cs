using NpgsqlTypes;

namespace ShardCore.Moves.Changes;

/// <summary>
/// One committed transaction of the source, with its changes to the slots of this move in their order; of a large one a piece, so
/// that none has to fit into memory. The target may have a part of a transaction: nobody sees its rows before the hand-over, whose marker comes behind the whole.
/// </summary>
/// <param name="EndLsn">Behind its commit: what may be acknowledged once it is applied. The end of a RelationMessage or of a
/// single change must not be used for that: it is 0/0 or within the transaction. Null: more of the transaction follows.</param>
/// <param name="Markers">The logical messages in it, prefix and text; with its last piece.</param>
/// <param name="Bytes">What it takes in memory, about.</param>
internal sealed record SourceChanges(NpgsqlLogSequenceNumber? EndLsn, IReadOnlyList<RowChange> Changes, IReadOnlyList<(string Prefix, string Text)> Markers, long Bytes);
