using ShardCore.Ring;
using ShardCore.RingDocuments;

namespace ShardCore.Tests.Ring;

public sealed class ShardAddressTests
{
    [Theory]
    [InlineData("10.0.0.1:5432/app", 1)]
    [InlineData("a.example:5432,b.example:5433/app", 2)]
    [InlineData("[::1]:5432,[fe80::2]:5432/app", 2)]
    public void An_address_is_written_as_it_is_read(string text, int hosts)
    {
        var address = ShardAddress.TryParse(text)!;

        Assert.Equal(text, address.ToString());
        Assert.Equal(hosts, address.Hosts.Length);
        Assert.Equal("app", address.Database);
        Assert.Equal(hosts > 1, address.HasStandbys);
        Assert.Equal(address, ShardAddress.TryParse(text));
    }

    [Theory]
    [InlineData("")]
    [InlineData("10.0.0.1:5432")]
    [InlineData("10.0.0.1/app")]
    [InlineData("10.0.0.1:0/app")]
    [InlineData("10.0.0.1:65536/app")]
    [InlineData("a:1,/app")]
    [InlineData("a:1,b/app")]
    [InlineData("a b:1/app")]
    [InlineData("::1:5432/app")]
    [InlineData("a:1/")]
    public void Whatever_else_is_no_address(string text) => Assert.Null(ShardAddress.TryParse(text));

    [Theory]
    [InlineData("a:1,b:2/app", """[{"id":"s1","hosts":["a:1","b:2"],"database":"app","weight":1,"state":"active"}]""")]
    [InlineData("a:1/app", """[{"id":"s1","host":"a","port":1,"database":"app","weight":1,"state":"active"}]""")]
    public void The_shard_list_keeps_all_hosts_and_one_host_as_it_was(string address, string list)
    {
        var shard = new Shard(new ShardId("s1"), ShardAddress.TryParse(address)!);

        Assert.Equal(list, ShardListCodec.Write([shard]));
        Assert.Equal([shard], ShardListCodec.Read(list));
    }

    [Theory]
    [InlineData("""[{"id":"s1","database":"app","weight":1,"state":"active"}]""")]
    [InlineData("""[{"id":"s1","host":"a","port":1,"hosts":["a:1","b:2"],"database":"app","weight":1,"state":"active"}]""")]
    [InlineData("""[{"id":"s1","hosts":["a:1"],"database":"app","weight":1,"state":"active"}]""")]
    [InlineData("""[{"id":"s1","hosts":["a:1","a:1"],"database":"app","weight":1,"state":"active"}]""")]
    [InlineData("""[{"id":"s1","hosts":["a:1","b:2,c:3"],"database":"app","weight":1,"state":"active"}]""")]
    [InlineData("""[{"id":"s1","hosts":["a:1",null],"database":"app","weight":1,"state":"active"}]""")]
    public void A_shard_list_with_half_an_address_is_refused(string list) => Assert.Throws<BadRingException>(() => ShardListCodec.Read(list));
}
