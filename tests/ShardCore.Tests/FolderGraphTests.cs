using ShardCore.Tests.Floor.First;
using ShardCore.Tests.Floor.First.Inner;
using ShardCore.Tests.Floor.Second;
using TestCluster;

namespace ShardCore.Tests
{
    /// <summary>What <see cref="FolderTests"/> of each project rests on.</summary>
    public sealed class FolderGraphTests
    {
        [Fact]
        public void A_way_that_does_not_lead_back_is_no_circle() => Assert.Empty(Circles(typeof(Uses), typeof(Used)));

        [Fact]
        public void A_use_within_an_asynchronous_method_closes_a_circle() => Assert.Equal(
            ["ShardCore.Tests.Floor.First → ShardCore.Tests.Floor.Second (Uses uses Used), ShardCore.Tests.Floor.Second → ShardCore.Tests.Floor.First (UsesBack uses Uses)"],
            Circles(typeof(Uses), typeof(Used), typeof(UsesBack)));

        [Fact]
        public void A_folder_and_one_within_it_can_be_a_circle() => Assert.Single(Circles(typeof(Outer), typeof(Within)));

        private static IReadOnlyList<string> Circles(params Type[] types) =>
            new FolderGraph(types.SelectMany(type => type.GetNestedTypes(System.Reflection.BindingFlags.NonPublic).Prepend(type)), "ShardCore.Tests").Circles();
    }
}

#pragma warning disable CA1812 // looked at, and never made
namespace ShardCore.Tests.Floor.First
{
    internal sealed class Uses
    {
        public static int Count() => new Used().Value;
    }

    internal sealed class Outer
    {
        public List<Within[]> All { get; } = [];
    }
}

namespace ShardCore.Tests.Floor.First.Inner
{
    internal sealed class Within
    {
        public static bool Is(object? that) => that is Outer;
    }
}

namespace ShardCore.Tests.Floor.Second
{
    internal sealed class Used
    {
        public int Value { get; } = 1;
    }

    internal sealed class UsesBack
    {
        public static async Task<int> CountAsync()
        {
            await Task.Yield();
            return Uses.Count();
        }
    }
}
