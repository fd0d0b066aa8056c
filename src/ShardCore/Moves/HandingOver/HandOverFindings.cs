using ShardCore.Ring;

namespace ShardCore.Moves.HandingOver;

/// <summary>What a comparison after a hand-over found.</summary>
/// <param name="Rows">The source's rows that were compared.</param>
/// <param name="Differing">Slots with rows that cannot have come about by writes at the target: the hand-over was wrong, or data was damaged.</param>
/// <param name="Missing">Rows of the source that the target does not have: deleted there since, or expired; see <see cref="HandOverComparison"/>.</param>
public sealed record HandOverFindings(long Rows, IReadOnlyList<Slot> Differing, long Missing);
