using TestCluster;

namespace ShardAdmin.Tests;

/// <summary>Dependencies between folders go one way, so that each can be read without those that use it.</summary>
public sealed class FolderTests
{
    [Fact]
    public void No_folder_is_used_by_one_that_it_uses()
    {
        var circles = new FolderGraph(typeof(ShardAdmin.CommandTable).Assembly.GetTypes(), "ShardAdmin").Circles();
        Assert.True(circles.Count == 0, string.Join(Environment.NewLine, circles));
    }
}
