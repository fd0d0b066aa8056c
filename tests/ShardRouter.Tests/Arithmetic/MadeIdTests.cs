using ShardRouter.Tests.Setup;

namespace ShardRouter.Tests.Arithmetic;

/// <summary>Ids that the service makes for puts without one.</summary>
public sealed class MadeIdTests(RouterFixture fixture) : RouterTests(fixture)
{
    [Fact]
    public async Task A_put_without_an_id_gets_one_that_sorts_behind_those_made_before()
    {
        var first = await TransactAsync("""{"op":"put","doc":{"n":1},"ifNoneMatch":"*"}""");
        await Task.Delay(5);
        var second = await TransactAsync("""{"op":"put","doc":{"n":2}}""");
        await Task.Delay(5);
        var third = (await Items.BatchWriteAsync("""{"ops":[{"op":"put","pk":"p","doc":{"n":3}}]}""")).Expect(200).Json.GetProperty("results")[0].GetProperty("id").GetString()!;

        string[] made = [first, second, third];
        Assert.All(made, id => Assert.Equal('7', id[14]));
        Assert.Equal(made, made.Order(StringComparer.Ordinal));
        Assert.Equal(made, (await Items.ListAsync("p")).Ids());
        JsonAssert.Equal("""{"n":2}""", (await Items.GetAsync("p", second)).Text);
    }

    [Fact]
    public async Task A_list_and_a_batch_tell_when_an_item_expires()
    {
        var expiresAt = DateTimeOffset.Parse((await Items.PutAsync("p", "ends", "{}", ("Item-TTL", "1000"))).Expect(201)["Expires-At"]!, System.Globalization.CultureInfo.InvariantCulture);
        await Items.PutAsync("p", "stays", "{}");

        foreach (var query in new[] { "", "f.none=exists.false" })
        {
            var listed = (await Items.ListAsync("p", query)).Expect(200).Json.GetProperty("items");
            Assert.InRange((listed[0].GetProperty("expiresAt").GetDateTimeOffset() - expiresAt).Duration(), TimeSpan.Zero, TimeSpan.FromSeconds(1));
            Assert.False(listed[1].TryGetProperty("expiresAt", out _));
        }
        var got = (await Items.BatchGetAsync("""{"keys":[{"pk":"p","id":"ends"},{"pk":"p","id":"stays"}]}""")).Expect(200).Json.GetProperty("results");
        Assert.InRange((got[0].GetProperty("expiresAt").GetDateTimeOffset() - expiresAt).Duration(), TimeSpan.Zero, TimeSpan.FromSeconds(1));
        Assert.False(got[1].TryGetProperty("expiresAt", out _));
    }

    private async Task<string> TransactAsync(string operation)
    {
        var reply = (await Api.PostAsync("/v1:transact", $$"""{"pk":"p","ops":[{"collection":"{{Items.Name}}",{{operation[1..]}}]}""")).Expect(200);
        return reply.Json.GetProperty("results")[0].GetProperty("id").GetString()!;
    }
}
