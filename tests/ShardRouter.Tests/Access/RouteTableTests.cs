using System.Text;
using ShardCore.Access;
using TestCluster;

namespace ShardRouter.Tests.Access;

/// <summary>Every route, with every scope, by who may use the partition and the collection and by who may not.</summary>
public sealed class RouteTableTests(GuardedCluster guarded) : IClassFixture<GuardedCluster>
{
    private const string Planted = "planted-5f1c";

    public static TheoryData<RouteRow> Rows => [.. RouteTable.Rows];

    [Fact]
    public async Task Every_route_has_a_row_and_every_row_is_a_route()
    {
        var routes = await RouteList.ReadAsync();

        Assert.Equal(routes.Order(StringComparer.Ordinal), RouteTable.Rows.Select(row => row.Route).Order(StringComparer.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Rows), DisableDiscoveryEnumeration = true)]
    public async Task A_route_takes_its_scopes_and_hides_what_is_not_the_callers(RouteRow row)
    {
        var collection = await ApiCollection.CreateAsync(guarded.Admin);
        var callers = new (string Who, int Status, string[]? Collections, string[]? Partitions)[]
        {
            ("tenant t1", row.Own, [collection.Name], ["t1:*"]),
            ("tenant t2", row.OtherPartition, [collection.Name], ["t2:*"]),
            ("a stranger to the collection", row.OtherCollection, ["other"], ["t1:*"]),
        };
        var failures = new List<string>();
        foreach (var scope in AccessScopes.AllNames)
            foreach (var (who, status, collections, partitions) in callers)
            {
                using var client = await guarded.ClientAsync([scope], collections, partitions);
                var version = (await collection.PutAsync("t1:a", "i", $$"""{"planted":"{{Planted}}"}""")).ETag;
                var isAllowed = row.Scopes.Length == 0 || row.Scopes.Contains(scope);
                var expected = isAllowed ? status : 403;

                var reply = await SendAsync(client, row, collection.Name);

                if (reply.Status != expected || (!isAllowed && row.Route[0] != 'H' && reply.Code != "insufficient-scope"))
                    failures.Add($"{who} with {scope}: expected {expected}, got {reply}");
                if (isAllowed && who == "tenant t1")
                    continue;
                if (reply.Text.Contains(Planted, StringComparison.Ordinal))
                    failures.Add($"{who} with {scope} sees the document: {reply}");
                if ((await collection.GetAsync("t1:a", "i")) is var after && (after.Status != 200 || after.ETag != version))
                    failures.Add($"{who} with {scope} changed the item: {after}");
            }
        Assert.True(failures.Count == 0, string.Join('\n', failures));
    }

    [Theory]
    [MemberData(nameof(Rows), DisableDiscoveryEnumeration = true)]
    public async Task A_key_without_scopes_and_a_caller_without_a_key_may_use_only_what_is_public(RouteRow row)
    {
        using var client = await guarded.ClientAsync([]);

        var isPublic = row.Scopes.Length == 0;
        (await SendAsync(client, row, "c")).Expect(isPublic ? row.Own : 403);
        (await SendAsync(guarded.Router.Api, row, "c")).Expect(isPublic ? row.Own : 401);
    }

    private static Task<ApiReply> SendAsync(ApiClient client, RouteRow row, string collection) => client.SendAsync(
        row.Route.Split(' ')[0], row.Address.Replace("COLLECTION", collection, StringComparison.Ordinal),
        row.Body is { } body ? Encoding.UTF8.GetBytes(body.Replace("COLLECTION", collection, StringComparison.Ordinal)) : null,
        row.Body is null ? [] : [("Content-Type", row.MediaType)]);
}
