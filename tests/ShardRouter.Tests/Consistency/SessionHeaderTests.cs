using ShardRouter.Tests.Setup;
using TestCluster;

namespace ShardRouter.Tests.Consistency;

/// <summary>The two headers, on shards of one host each: there the primary reads everything, and tokens are as good.</summary>
public sealed class SessionHeaderTests(RouterFixture fixture) : RouterTests(fixture)
{
    private static readonly (string, string) Session = ("Read-Consistency", "session");

    [Theory]
    [InlineData("Read-Consistency", "fresh")]
    [InlineData("Read-Consistency", "")]
    [InlineData("Read-Consistency", "Session")]
    [InlineData("Read-Consistency", "session, eventual")]
    [InlineData("Session-Token", "1.1.s1:1:xyz")]
    [InlineData("Session-Token", "")]
    public async Task A_header_that_is_none_is_refused_and_changes_nothing(string name, string value)
    {
        var bad = (name, value);
        await Items.PutAsync("FR", "kept", """{"n":1}""");
        var transaction = $$"""{"pk":"FR","ops":[{"op":"delete","collection":"{{Items.Name}}","id":"kept"}]}""";

        foreach (var reply in new[]
        {
            await Items.GetAsync("FR", "kept", bad), await Api.GetAsync(Items.AddressOf("FR"), bad), await Items.PutAsync("FR", "kept", "{}", bad),
            await Items.DeleteAsync("FR", "kept", bad), await Items.PostAsync("FR", "{}", bad), await Items.MergePatchAsync("FR", "kept", "{}", bad),
            await Api.PostAsync(Items.Address + ":batchGet", """{"keys":[{"pk":"FR","id":"kept"}]}""", bad),
            await Api.PostAsync(Items.Address + ":batchWrite", """{"ops":[{"op":"delete","pk":"FR","id":"kept"}]}""", bad),
            await Api.PostAsync("/v1:transact", transaction, bad),
        })
        {
            reply.ExpectProblem(400, "invalid-header");
            Assert.Contains(name, reply.Text, StringComparison.Ordinal);
        }
        Assert.Equal(1, (await Items.GetAsync("FR", "kept")).N());
        Assert.Equal(400, (await Items.HeadAsync("FR", "kept", bad)).Status);
    }

    [Fact]
    public async Task Whoever_asks_gets_a_token_on_every_kind_of_answer_and_nobody_else_does()
    {
        var body = """{"ops":[{"op":"put","pk":"FR","id":"b","doc":{}}]}""";
        var transaction = $$"""{"pk":"FR","ops":[{"op":"put","collection":"{{Items.Name}}","id":"t","doc":{} }]}""";
        Func<(string, string)[], Task<ApiReply>>[] kinds =
        [
            with => Items.PutAsync("FR", "a", """{"n":1}""", with), with => Items.GetAsync("FR", "a", with), with => Items.HeadAsync("FR", "a", with),
            with => Items.GetAsync("FR", "none", with), with => Items.PutAsync("FR", "a", "{}", [.. with, ("If-None-Match", "*")]),
            with => Items.PostAsync("FR", "{}", with), with => Items.MergePatchAsync("FR", "a", "{}", with), with => Api.GetAsync(Items.AddressOf("FR"), with),
            with => Api.PostAsync(Items.Address + ":batchGet", """{"keys":[{"pk":"FR","id":"a"}]}""", with),
            with => Api.PostAsync(Items.Address + ":batchWrite", body, with), with => Api.PostAsync("/v1:transact", transaction, with),
            with => Items.DeleteAsync("FR", "a", with), with => Items.GetAsync("FR", "b", [.. with, ("If-None-Match", "*")]),
        ];
        var shard = Cluster.Ring.OwnerOf(ShardCore.Ring.SlotHash.Of("FR")).Id;
        var token = "1.1";

        foreach (var kind in kinds)
        {
            var plain = await kind([]);
            Assert.Null(plain["Session-Token"]);
            Assert.Null(plain["Read-From"]);
            Assert.Matches($@"^1\.1\.{shard}:1:[0-9A-F]+$", (await kind([Session])).Token());
            var reply = await kind([("Session-Token", token)]);
            Assert.Matches($@"^1\.1\.{shard}:1:[0-9A-F]+$", reply.Token());
            Assert.Null(reply["Read-From"]); // a strong read
            token = reply.Token();
        }
        Assert.Equal("primary", (await Items.GetAsync("FR", "b", Session)).From());
        Assert.Null((await Items.GetAsync("FR", "b", ("Read-Consistency", "eventual")))["Session-Token"]);
    }

    [Fact]
    public async Task A_token_collects_the_shards_of_its_session_and_drops_those_that_are_gone()
    {
        var token = "1.1.s9:4:FF";
        foreach (var id in new[] { "s1", "s2", "s3" })
            token = (await Items.PutAsync(Cluster.PartitionOf(id, 50), "x", "{}", ("Session-Token", token))).Token();
        Assert.Matches(@"^1\.1\.s1:1:[0-9A-F]+\.s2:1:[0-9A-F]+\.s3:1:[0-9A-F]+$", token);
    }

    [Fact]
    public async Task A_write_that_was_not_located_is_settled_by_the_next_answer_of_the_primary()
    {
        var shard = Cluster.Ring.OwnerOf(ShardCore.Ring.SlotHash.Of("FR")).Id;
        foreach (var reply in new[]
        {
            await Items.PutAsync("FR", "x", "{}", ("Session-Token", $"1.1.{shard}:1:?")), await Items.GetAsync("FR", "x", ("Session-Token", $"1.1.{shard}:1:?")),
        })
            Assert.Matches($@"^1\.1\.{shard}:1:[0-9A-F]+$", reply.Token());
    }
}
