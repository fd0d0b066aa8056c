namespace LoadTests.Engine;

/// <param name="First">What the first of them said.</param>
internal sealed record FailureCount(string Kind, long Count, string First);
