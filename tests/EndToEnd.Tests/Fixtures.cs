using EndToEnd.Tests;

[assembly: AssemblyFixture(typeof(DevCluster))]

// The tests take processes of the one cluster away: side by side they would fail each other.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
