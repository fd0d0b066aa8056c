using System.CommandLine;

namespace ShardAdmin.Changes;

/// <summary>The arguments that describe a change: the command itself and <c>plan</c> have the same ones.</summary>
internal abstract class ChangeArguments
{
    public abstract ClusterChange Read(ParseResult parse);
}
