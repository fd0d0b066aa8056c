using System.Text;
using ShardRouter.Tests.Setup;
using TestCluster;

namespace ShardRouter.Tests.Keys;

/// <summary>A key is what its percent-encoded bytes say, decoded once; nothing is normalised on its way.</summary>
public sealed class KeyRoundTripTests(RouterFixture fixture) : RouterTests(fixture)
{
    private static readonly (string Encoded, string Key)[] Keys =
    [
        ("a%2Fb", "a/b"),
        ("a%252Fb", "a%2Fb"),
        ("a%25252Fb", "a%252Fb"),
        ("%2E", "."),
        ("%2E%2E", ".."),
        ("%2e%2e%2fetc", "../etc"),
        ("%F0%9F%98%80", "😀"),
        ("trailing%20", "trailing "),
        ("trailing", "trailing"),
        ("%20leading", " leading"),
        ("e%CC%81", "e\u0301"),
        ("%C3%A9", "\u00e9"),
        ("%EF%BB%BFbom", "\ufeffbom"),
        ("a+b", "a+b"),
        ("a%20b", "a b"),
        ("a%2Bb%3F%23", "a+b?#"),
        ("a;b=c,d:e@f!$&'()*", "a;b=c,d:e@f!$&'()*"),
        ("%0A%0D%09%01%7F", "\n\r\t\u0001\u007f"),
        ("~", "~"),
        ("%41BC", "ABC"),
        ("abc", "abc"),
        ("%C2%80", "\u0080"),
        ("%F4%8F%BF%BF", "\U0010ffff"),
        ("%ED%9F%BF%EE%80%80", "\ud7ff\ue000"),
        ("%5C%22%27", "\\\"'"),
        ("items", "items"),
        ("null", "null"),
    ];

    public static TheoryData<string, string> EncodedKeys => [.. Keys];

    [Theory]
    [MemberData(nameof(EncodedKeys))]
    public async Task A_key_comes_back_as_its_bytes_say(string encoded, string key)
    {
        var address = $"{Items.Address}/items/{encoded}/{encoded}";
        (await RawAsync("PUT", address, """{"n":1}""")).Expect(201);

        (await RawAsync("GET", address)).Expect(200);
        var listed = (await RawAsync("GET", $"{Items.Address}/items/{encoded}")).Expect(200).Json.GetProperty("items");
        var item = Assert.Single(listed.EnumerateArray());
        Assert.Equal(key, item.GetProperty("pk").GetString());
        Assert.Equal(key, item.GetProperty("id").GetString());
    }

    [Fact]
    public async Task Keys_that_look_alike_are_distinct_items()
    {
        for (var i = 0; i < Keys.Length; i++)
            (await RawAsync("PUT", $"{Items.Address}/items/one/{Keys[i].Encoded}", $$"""{"n":{{i}}}""")).Expect(201);

        for (var i = 0; i < Keys.Length; i++)
            Assert.Equal(i, (await RawAsync("GET", $"{Items.Address}/items/one/{Keys[i].Encoded}")).Expect(200).Json.GetProperty("n").GetInt32());
        var ids = (await Items.ListAsync("one")).Json.GetProperty("items").EnumerateArray().Select(item => item.GetProperty("id").GetString()!);
        Assert.Equal(Keys.Select(key => key.Key).OrderBy(Encoding.UTF8.GetBytes, Comparer<byte[]>.Create((x, y) => x.AsSpan().SequenceCompareTo(y))), ids);
    }

    [Fact]
    public async Task Two_spellings_of_one_key_are_one_item()
    {
        (await RawAsync("PUT", $"{Items.Address}/items/a%2fb/%61", "{}")).Expect(201);

        (await RawAsync("PUT", $"{Items.Address}/items/%61%2F%62/a", "{}")).Expect(200);
    }

    [Fact]
    public async Task An_absolute_target_names_the_same_item()
    {
        (await RawAsync("PUT", $"{Router.Url.GetLeftPart(UriPartial.Authority)}{Items.Address}/items/a%2Fb/x", "{}")).Expect(201);

        (await Items.GetAsync("a/b", "x")).Expect(200);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(4)]
    public async Task A_key_has_room_for_exactly_1024_bytes(int bytesPerCharacter)
    {
        var character = bytesPerCharacter switch { 1 => "k", 2 => "é", _ => "😀" };
        var longest = string.Concat(Enumerable.Repeat(character, 1024 / bytesPerCharacter));

        (await Items.PutAsync(longest, longest, """{"n":1}""")).Expect(201);

        (await Items.GetAsync(longest, longest)).Expect(200);
        Assert.Equal(longest, (await Items.ListAsync(longest)).Json.GetProperty("items")[0].GetProperty("id").GetString());
        (await Items.GetAsync(longest + "k", "x")).ExpectProblem(400, "invalid-key");
        (await Items.PutAsync("x", longest + "k", "{}")).ExpectProblem(400, "invalid-key");
    }

    [Fact]
    public async Task A_key_in_a_body_and_the_same_key_in_a_path_name_one_item()
    {
        (await Items.BatchWriteAsync("""{"ops":[{"op":"put","pk":"a/b","id":"\u00e9 ","doc":{"n":1}}]}""")).Expect(200);

        (await RawAsync("GET", $"{Items.Address}/items/a%2Fb/%C3%A9%20")).Expect(200);
        (await RawAsync("GET", $"{Items.Address}/items/a%252Fb/%C3%A9%20")).ExpectProblem(404, "item-not-found");
    }

    /// <summary>No client library between us and the router.</summary>
    private Task<ApiReply> RawAsync(string method, string target, string body = "") => RawConnection.ExchangeAsync(
        Router.Url, $"{method} {target} HTTP/1.1\nHost: {Router.Url.Authority}\nContent-Type: application/json\nContent-Length: {body.Length}\nConnection: close", body);
}
