namespace ShardRouter.Tests.Faults;

/// <summary>Tests that measure how quick answers are during a fault run alone: beside others they would measure the machine.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class FaultTests
{
    public const string Name = "faults";
}
