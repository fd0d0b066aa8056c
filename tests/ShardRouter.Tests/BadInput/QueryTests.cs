using TestCluster;

namespace ShardRouter.Tests.BadInput;

[Collection(BadInputTests.Name)]
public sealed class QueryTests(BadInputCluster cluster)
{
    [Theory]
    [InlineData("limit=0", "invalid-parameter")]
    [InlineData("limit=-1", "invalid-parameter")]
    [InlineData("limit=1001", "invalid-parameter")]
    [InlineData("limit=", "invalid-parameter")]
    [InlineData("limit=1.5", "invalid-parameter")]
    [InlineData("limit=1e2", "invalid-parameter")]
    [InlineData("limit=%2B5", "invalid-parameter")]
    [InlineData("limit=2147483648", "invalid-parameter")]
    [InlineData("limit=99999999999999999999", "invalid-parameter")]
    [InlineData("limit=5&limit=5", "invalid-parameter")]
    [InlineData("limit=5&LIMIT=6", "invalid-parameter")]
    [InlineData("order=up", "invalid-parameter")]
    [InlineData("order=", "invalid-parameter")]
    [InlineData("order=id%3Bdrop%20table%20item", "invalid-parameter")]
    [InlineData("page=2", "invalid-parameter")]
    [InlineData("filter=x", "invalid-parameter")]
    [InlineData("select=", "invalid-parameter")]
    [InlineData("select=a..b", "invalid-parameter")]
    [InlineData("select=a,,b", "invalid-parameter")]
    [InlineData("id.gt=", "invalid-key")]
    [InlineData("id.prefix=", "invalid-key")]
    [InlineData("id.gt=%00", "invalid-key")]
    [InlineData("id.lt=LONG", "invalid-key")]
    [InlineData("id.gt=%FF", "invalid-parameter")]
    [InlineData("id.gt=%C3%28", "invalid-parameter")]
    [InlineData("id.gte=%ED%A0%80", "invalid-parameter")]
    [InlineData("id.gte=%", "invalid-parameter")]
    [InlineData("id.gte=a%2", "invalid-parameter")]
    [InlineData("id.gte=%zz", "invalid-parameter")]
    [InlineData("id.gt=a&id.gt=b", "invalid-parameter")]
    [InlineData("f.v=eq.%FF", "invalid-parameter")]
    [InlineData("f.%FF=eq.1", "invalid-parameter")]
    [InlineData("f.=eq.1", "invalid-filter")]
    [InlineData("f.a..b=eq.1", "invalid-filter")]
    [InlineData("f.DEEP=eq.1", "invalid-filter")]
    [InlineData("f.a%00=eq.1", "invalid-filter")]
    [InlineData("f.v=", "invalid-filter")]
    [InlineData("f.v=5", "invalid-filter")]
    [InlineData("f.v=like.x", "invalid-filter")]
    [InlineData("f.v=EQ.x", "invalid-filter")]
    [InlineData("f.v=eq.%00", "invalid-filter")]
    [InlineData("f.v=eq.%22%5Cu0000%22", "invalid-filter")]
    [InlineData("f.v=eq.1e400", "invalid-filter")]
    [InlineData("f.v=gt.1e131071", "invalid-filter")]
    [InlineData("f.v=gt.true", "invalid-filter")]
    [InlineData("f.v=lte.null", "invalid-filter")]
    [InlineData("f.v=exists.maybe", "invalid-filter")]
    [InlineData("f.v=in.MANY", "invalid-filter")]
    [InlineData("FILTERS", "invalid-filter")]
    public Task A_query_that_cannot_be_understood_is_refused(string query, string code) => cluster.RefusesAsync(
        () => cluster.Items.ListAsync("p", query
            .Replace("LONG", new string('k', 1025), StringComparison.Ordinal)
            .Replace("DEEP", string.Join('.', Enumerable.Repeat("a", 33)), StringComparison.Ordinal)
            .Replace("MANY", string.Join(',', Enumerable.Range(0, 101)), StringComparison.Ordinal)
            .Replace("FILTERS", string.Join('&', Enumerable.Range(0, 11).Select(i => $"f.v{i}=eq.1")), StringComparison.Ordinal)),
        400, code);

    [Fact]
    public Task An_in_list_of_10000_does_not_fit_into_an_address() => cluster.RefusesAsync(
        () => cluster.Items.ListAsync("p", "f.v=in." + string.Join(',', Enumerable.Range(0, 10_000))), 414, code: null);

    [Theory]
    [InlineData("f.v=eq.%25%27%3B--")]
    [InlineData("f.v=prefix.%25")]
    [InlineData("f.v%27%29%20or%201%3D1--=eq.1")]
    [InlineData("f.v=contains.%5C")]
    [InlineData("f.%24%7B1%7D=eq.1")]
    [InlineData("id.gt=%27%20or%20%27%27%3D%27")]
    [InlineData("select=%27,%22,%5C")]
    [InlineData("f.v=eq.%22%5Cud800%22")]
    [InlineData("f.v=eq.%7B%22a%22%3A1%7D")]
    public async Task Text_that_looks_like_SQL_or_a_pattern_is_only_text(string query)
    {
        var before = await cluster.ChecksumAsync();

        Assert.Empty((await cluster.Items.ListAsync("p", query)).Expect(200).Json.GetProperty("items").EnumerateArray());

        Assert.Equal(before, await cluster.ChecksumAsync());
        await cluster.IsWellAsync();
    }
}
