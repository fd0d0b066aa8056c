namespace ShardRouter.Items;

/// <summary>What became of a transaction: every operation's result, or the first culprit and nothing applied.</summary>
/// <param name="FailedOperation">Its place, from 0; null when all was applied.</param>
internal sealed record TransactionResult(IReadOnlyList<WriteResult> Results, int? FailedOperation, WriteResult? Culprit);
