using ShardCore.Access;

namespace ShardCore.Tests.Access;

public sealed class AccessScopeTests
{
    [Fact]
    public void Every_scope_has_a_name_that_is_read_back()
    {
        var names = AccessScopes.AllNames.ToArray();

        Assert.Equal(["items:read", "items:write", "items:scan", "bulk", "changes", "collections:admin"], names);
        Assert.Equal(AccessScopes.All, AccessScopes.Parse(names));
        Assert.Equal(names, AccessScopes.NamesOf(AccessScopes.All));
        Assert.Equal(Enum.GetValues<AccessScope>().Length - 1, names.Length);
    }

    [Theory]
    [InlineData("")]
    [InlineData("items:delete")]
    [InlineData("Items:Read")]
    public void A_name_that_nobody_knows_gives_no_right(string name) => Assert.Equal(AccessScope.None, AccessScopes.Parse([name]));
}
