namespace LoadTests.Engine;

/// <param name="First">The message of the first failure of this kind.</param>
internal sealed record FailureCount(string Kind, long Count, string First);
