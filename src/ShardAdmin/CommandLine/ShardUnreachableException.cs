namespace ShardAdmin.CommandLine;

/// <summary>A shard does not answer. The reaction: exit 7 with its name and address.</summary>
internal sealed class ShardUnreachableException(string message, string next, Exception inner) : Exception(message, inner)
{
    public string Next { get; } = next;
}
