using ShardRouter.Tests.Setup;
using TestCluster;

namespace ShardRouter.Tests.Keys;

public sealed class KeyRefusalTests(RouterFixture fixture) : RouterTests(fixture)
{
    public static TheoryData<string> NotAKey =>
    [
        "%", "%2", "a%", "%zz", "%2g", "100%25%", "%u0041",  // a percent sign without two hexadecimal digits
        "%FF", "%C3", "%C3%28", "%E2%82", "a%80",            // no UTF-8
        "%C0%AF", "%E0%80%AF",                               // overlong
        "%ED%A0%80", "%ED%A0%80%ED%B0%80",                   // surrogates
        "%F4%90%80%80",                                      // beyond Unicode
    ];

    [Theory]
    [MemberData(nameof(NotAKey))]
    public async Task What_is_no_key_is_refused_as_pk_and_as_id(string segment)
    {
        foreach (var address in new[] { $"{Items.Address}/items/{segment}/x", $"{Items.Address}/items/x/{segment}", $"{Items.Address}/items/{segment}" })
            (await RawAsync("GET", address)).ExpectProblem(400, "invalid-key");
        (await RawAsync("PUT", $"{Items.Address}/items/x/{segment}")).ExpectProblem(400, "invalid-key");
    }

    [Theory]
    [InlineData("%00")]
    [InlineData("a%00b")]
    public async Task NUL_in_an_address_is_refused_by_the_server_itself(string segment) =>
        (await RawAsync("GET", $"{Items.Address}/items/{segment}/x")).Expect(400);

    [Fact]
    public async Task NUL_in_a_key_of_a_body_is_refused() =>
        (await Items.BatchGetAsync("""{"keys":[{"pk":"a\u0000b","id":"x"}]}""")).ExpectProblem(400, "invalid-key");

    [Theory]
    [InlineData("/items//x")]
    [InlineData("/items/x/")]
    [InlineData("/items/")]
    public async Task An_empty_key_is_refused(string rest) =>
        (await RawAsync("GET", Items.Address + rest)).ExpectProblem(400, "invalid-key");

    [Theory]
    [InlineData("Upper")]
    [InlineData("1st")]
    [InlineData("a.b")]
    [InlineData("a%62")]
    [InlineData("")]
    [InlineData("a12345678901234567890123456789012345678901234567890123456789012345")]
    public async Task A_collection_that_cannot_exist_is_refused_by_its_name(string collection) =>
        (await RawAsync("GET", $"/v1/collections/{collection}/items/a/b")).ExpectProblem(400, "invalid-key");

    [Fact]
    public async Task More_segments_than_pk_and_id_are_no_address() =>
        (await RawAsync("GET", $"{Items.Address}/items/a/b/c")).ExpectProblem(404, "route-not-found");

    private Task<ApiReply> RawAsync(string method, string target) =>
        RawConnection.ExchangeAsync(Router.Url, $"{method} {target} HTTP/1.1\nHost: test\nContent-Type: application/json\nContent-Length: 2\nConnection: close", "{}");
}
