using System.Text.Json;
using ShardRouter.Tests.Setup;

namespace ShardRouter.Tests.Transactions;

/// <summary>Money moves between accounts of one partition; none is made, none is lost, and nobody sees it half-way.</summary>
public sealed class BankTests(RouterFixture fixture) : RouterTests(fixture)
{
    private const int Accounts = 6;
    private const int Balance = 100;

    [Fact]
    public async Task Concurrent_transfers_keep_the_sum_and_the_ledger_agrees_with_the_accounts()
    {
        foreach (var account in Enumerable.Range(0, Accounts))
            (await Items.PutAsync("bank", $"account-{account}", $$"""{"balance":{{Balance}}}""")).Expect(201);

        using var stop = new CancellationTokenSource();
        var auditor = AuditAsync(stop.Token);
        var statuses = (await Task.WhenAll(Enumerable.Range(0, 8).Select(TransferOftenAsync))).SelectMany(each => each).ToList();
        await stop.CancelAsync();

        Assert.True(await auditor > 0, "Nobody looked while money moved.");
        Assert.All(statuses, status => Assert.True(status is 200 or 412, $"A transfer answered {status}."));
        var items = (await Items.ListAsync("bank", "limit=1000")).Json.GetProperty("items").EnumerateArray().ToList();
        var ledger = items.Where(item => Id(item).StartsWith("transfer-", StringComparison.Ordinal)).Select(item => item.GetProperty("doc")).ToList();
        Assert.Equal(statuses.Count(status => status == 200), ledger.Count);
        foreach (var account in Enumerable.Range(0, Accounts))
        {
            var expected = Balance + ledger.Sum(entry => (entry.GetProperty("to").GetInt32() == account ? 1 : 0) - (entry.GetProperty("from").GetInt32() == account ? 1 : 0));
            Assert.Equal(expected, items.Single(item => Id(item) == $"account-{account}").GetProperty("doc").GetProperty("balance").GetInt32());
        }
    }

    [Fact]
    public async Task Concurrent_increments_all_count()
    {
        var replies = await Task.WhenAll(Enumerable.Range(0, 100).Select(_ => Api.PostAsync(
            "/v1:transact", $$"""{"pk":"p","ops":[{"op":"increment","collection":"{{Items.Name}}","id":"n","path":"total","by":1}]}""")));

        Assert.All(replies, reply => reply.Expect(200));
        Assert.Equal(100, (await Items.GetAsync("p", "n")).Json.GetProperty("total").GetInt32());
    }

    /// <summary>A list is one statement, so it must see each transfer whole.</summary>
    private async Task<int> AuditAsync(CancellationToken stop)
    {
        var looks = 0;
        for (; !stop.IsCancellationRequested; looks++)
        {
            var accounts = (await Items.ListAsync("bank", "id.prefix=account-")).Expect(200).Json.GetProperty("items").EnumerateArray();
            Assert.Equal(Accounts * Balance, accounts.Sum(item => item.GetProperty("doc").GetProperty("balance").GetInt32()));
        }
        return looks;
    }

    private async Task<List<int>> TransferOftenAsync(int teller)
    {
        var random = new Random(teller);
        var statuses = new List<int>();
        for (var i = 0; i < 25; i++)
        {
            var from = random.Next(Accounts);
            var to = (from + random.Next(1, Accounts)) % Accounts;
            var etag = (await Items.GetAsync("bank", $"account-{from}")).ETag;
            var condition = i % 3 == 0 ? $",\"ifMatch\":{JsonSerializer.Serialize(etag)}" : ""; // some insist on what they saw
            statuses.Add((await Api.PostAsync("/v1:transact", $$"""
                {"pk":"bank","ops":[
                  {"op":"increment","collection":"{{Items.Name}}","id":"account-{{from}}","path":"balance","by":-1{{condition}}},
                  {"op":"increment","collection":"{{Items.Name}}","id":"account-{{to}}","path":"balance","by":1},
                  {"op":"put","collection":"{{Items.Name}}","id":"transfer-{{teller}}-{{i}}","doc":{"from":{{from}},"to":{{to}}},"ifNoneMatch":"*"}]}
                """)).Status);
        }
        return statuses;
    }

    private static string Id(JsonElement item) => item.GetProperty("id").GetString()!;
}
