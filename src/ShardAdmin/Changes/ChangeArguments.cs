using System.CommandLine;

namespace ShardAdmin.Changes;

/// <summary>The words that say which change is meant: the same for the command itself and for <c>plan</c>.</summary>
internal abstract class ChangeArguments
{
    public abstract ClusterChange Read(ParseResult parse);
}
