using ShardRouter.Tests.Setup;
using TestCluster;

namespace ShardRouter.Tests.Listing;

public sealed class CursorTests(RouterFixture fixture) : RouterTests(fixture)
{
    private const string Query = "limit=2&order=id.desc&id.gt=00&f.n=gte.0";

    [Theory]
    [InlineData("limit=2&id.gt=00&f.n=gte.0")]
    [InlineData("limit=2&order=id.asc&id.gt=00&f.n=gte.0")]
    [InlineData("limit=2&order=id.desc&id.gt=01&f.n=gte.0")]
    [InlineData("limit=2&order=id.desc&id.gte=00&f.n=gte.0")]
    [InlineData("limit=2&order=id.desc&f.n=gte.0")]
    [InlineData("limit=2&order=id.desc&id.gt=00&f.n=gte.1")]
    [InlineData("limit=2&order=id.desc&id.gt=00&f.n=gt.0")]
    [InlineData("limit=2&order=id.desc&id.gt=00&f.m=gte.0")]
    [InlineData("limit=2&order=id.desc&id.gt=00&f.n=gte.0&f.n=lt.9")]
    [InlineData("limit=2&order=id.desc&id.gt=00")]
    public async Task A_cursor_with_a_changed_query_is_refused(string changed)
    {
        var cursor = await SeedAsync();

        (await Items.ListAsync("p", $"{changed}&cursor={cursor}")).ExpectProblem(400, "invalid-cursor");
    }

    [Theory]
    [InlineData("f.n=gte.0&id.gt=00&order=id.desc&limit=2")]
    [InlineData("limit=1000&order=id.desc&id.gt=00&f.n=gte.0")]
    [InlineData("limit=2&order=id.desc&id.gt=00&f.n=gte.0&select=n")]
    public async Task The_order_of_parameters_the_limit_and_the_selection_may_change(string changed)
    {
        var cursor = await SeedAsync();

        Assert.Equal("07", (await Items.ListAsync("p", $"{changed}&cursor={cursor}")).Ids()[0]);
    }

    [Fact]
    public async Task A_cursor_of_another_partition_or_collection_is_refused()
    {
        var cursor = await SeedAsync();
        var other = await ApiCollection.CreateAsync(Api);

        (await Items.ListAsync("q", $"{Query}&cursor={cursor}")).ExpectProblem(400, "invalid-cursor");
        (await other.ListAsync("p", $"{Query}&cursor={cursor}")).ExpectProblem(400, "invalid-cursor");
    }

    [Fact]
    public async Task A_cursor_with_any_character_changed_is_refused()
    {
        var cursor = await SeedAsync();

        for (var i = 0; i < cursor.Length; i++)
        {
            var forged = cursor[..i] + (cursor[i] == 'A' ? 'B' : 'A') + cursor[(i + 1)..];
            (await Items.ListAsync("p", $"{Query}&cursor={forged}")).ExpectProblem(400, "invalid-cursor");
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("A")]
    [InlineData("AAAA")]
    [InlineData("%00")]
    [InlineData("%C3%A9")]
    [InlineData("....")]
    [InlineData("AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    [InlineData("null")]
    public async Task What_never_was_a_cursor_is_refused(string cursor)
    {
        await SeedAsync();

        (await Items.ListAsync("p", $"{Query}&cursor={cursor}")).ExpectProblem(400, "invalid-cursor");
    }

    [Fact]
    public async Task An_overlong_or_padded_or_doubled_cursor_is_refused()
    {
        var cursor = await SeedAsync();

        (await Items.ListAsync("p", $"{Query}&cursor={new string('A', 2049)}")).ExpectProblem(400, "invalid-cursor");
        (await Items.ListAsync("p", $"{Query}&cursor={cursor}AAAA")).ExpectProblem(400, "invalid-cursor");
        (await Items.ListAsync("p", $"{Query}&cursor={cursor}&cursor={cursor}")).ExpectProblem(400, "invalid-parameter");
    }

    [Fact]
    public async Task A_cursor_serves_at_any_router_of_its_cluster_and_at_none_of_another()
    {
        var cursor = await SeedAsync();
        await using var second = await Cluster.StartRouterAsync();
        Assert.Equal("07", (await new ApiCollection(second.Api, Items.Name).ListAsync("p", $"{Query}&cursor={cursor}")).Ids()[0]);

        var secret = new byte[32];
        var foreign = ShardRouter.Items.CursorCodec.Write(
            new ShardRouter.Items.PartitionQuery(Items.Name, "p", [(">", "00")], [new(["n"], ShardRouter.Items.FieldOperator.Gte, ["0"])], true, 2, null, null, TimeSpan.Zero), "08", secret);
        (await Items.ListAsync("p", $"{Query}&cursor={foreign}")).ExpectProblem(400, "invalid-cursor");
    }

    /// <returns>The cursor after 09 and 08 by <see cref="Query"/>.</returns>
    private async Task<string> SeedAsync()
    {
        await Pages.PutAllAsync(Items, "p", Enumerable.Range(0, 10).Select(i => ($"{i:00}", """{"n":1,"m":2}""")));
        var page = await Items.ListAsync("p", Query);
        Assert.Equal(["09", "08"], page.Ids());
        return page.Next()!;
    }
}
