using System.Globalization;
using System.Text;
using System.Text.Json;
using FsCheck.Fluent;
using ShardCore.Ring;
using ShardRouter.Keys;
using ShardRouter.Tests.Setup;
using TestCluster;

namespace ShardRouter.Tests.Queries;

/// <summary>The same random items in a cluster and in one plain table.</summary>
internal sealed class QueryCluster : IAsyncDisposable
{
    private const int ItemCount = 200;

    private readonly TestDatabase _oracle;
    private readonly RouterProcess _router;

    private QueryCluster(SeededCluster cluster, RouterProcess router, ApiCollection items, TestDatabase oracle) =>
        (Cluster, _router, Items, _oracle) = (cluster, router, items, oracle);

    public SeededCluster Cluster { get; }

    /// <summary>How many queries an index served.</summary>
    public int ByIndex { get; private set; }

    public ApiCollection Items { get; }

    public static string[] Partitions { get; } =
        [.. Enumerable.Range(0, 40).Select(i => string.Create(CultureInfo.InvariantCulture, $"p{i}")), "a/b", "\ue000", "😀", " "];

    private static readonly (string Name, string Fields)[] Indexes =
    [
        ("by_a", """[{"path":"a"}]"""),
        ("by_b", """[{"path":"b","dir":"desc"}]"""),
        ("by_n_a", """[{"path":"n","type":"number","dir":"desc"},{"path":"a"}]"""),
        ("by_a_b_n", """[{"path":"a"},{"path":"b","dir":"desc"},{"path":"n"}]"""),
        ("by_o", """[{"path":"o.c"},{"path":"/o/0","dir":"desc"}]"""),
    ];

    /// <param name="indexed">The collection has indexes on the fields of the queries.</param>
    public static async Task<QueryCluster> CreateAsync(SharedPostgres postgres, SharedRedis redis, int shards, bool indexed = false)
    {
        var cluster = await SeededCluster.CreateAsync(postgres, redis, shards);
        var router = await cluster.StartRouterAsync();
        var items = await ApiCollection.CreateAsync(router.Api);
        if (indexed)
            foreach (var (name, fields) in Indexes)
                (await items.IndexAsync(name, fields)).Expect(200);
        var oracle = await postgres.CreateDatabaseAsync();
        await oracle.ExecuteAsync("""create table oracle(pk text collate "C", id text collate "C", doc jsonb)""");
        var created = new QueryCluster(cluster, router, items, oracle);
        await created.FillAsync();
        return created;
    }

    private async Task FillAsync()
    {
        var documents = RandomQueries.Document.Sample(ItemCount, ItemCount).ToArray();
        var sql = new StringBuilder();
        foreach (var partition in documents.Select((doc, i) => (Pk: Partitions[i % Partitions.Length], Id: string.Create(CultureInfo.InvariantCulture, $"i{i}"), doc)).GroupBy(each => each.Pk))
        {
            await Pages.PutAllAsync(Items, partition.Key, partition.Select(each => (each.Id, each.doc)));
            foreach (var (pk, id, doc) in partition)
                sql.Append(CultureInfo.InvariantCulture, $"insert into oracle values ({RandomQueries.Quoted(pk)}, '{id}', {RandomQueries.Quoted(doc)});");
        }
        await _oracle.ExecuteAsync(sql.ToString());
    }

    /// <returns>What a query answers, page by page.</returns>
    public async Task<List<(string Pk, string Id)>> AnswerAsync(RandomQuery query)
    {
        var all = new List<(string, string)>();
        var isByIndex = false;
        string? cursor = null;
        for (var pages = 0; pages <= ItemCount + 1; pages++)
        {
            var reply = (await Items.Api.PostAsync(
                Items.Address + ":query",
                $$"""{"allowScan":true,"limit":{{query.Limit}},"orderBy":{{query.Order}}{{(query.Filter is null ? "" : ",\"filter\":" + query.Filter)}}{{(cursor is null ? "" : $",\"cursor\":\"{cursor}\"")}}}"""))
                .Expect(200);
            all.AddRange(reply.Json.GetProperty("items").EnumerateArray().Select(item => (item.GetProperty("pk").GetString()!, item.GetProperty("id").GetString()!)));
            isByIndex |= reply.Json.GetProperty("fanOut").GetProperty("index").ValueKind != JsonValueKind.Null;
            if ((cursor = reply.Next()) is null)
            {
                ByIndex += isByIndex ? 1 : 0;
                return isByIndex && query.OrderSql.Length == 0 ? InSlotOrder(all) : all;
            }
        }
        throw new InvalidOperationException("The pages never end.");
    }

    /// <returns>
    /// What Postgres says to the same. Without an order, a query gives the items in the order of an index or of the slots; then these are
    /// in the order of the slots.
    /// </returns>
    public async Task<List<(string Pk, string Id)>> ExpectedAsync(RandomQuery query)
    {
        var json = await _oracle.ScalarAsync<string>(
            $"select coalesce(json_agg(json_build_array(pk, id)), '[]')::text from (select pk, id from oracle where {query.Where} order by {query.OrderSql}pk, id) o");
        var all = JsonElement.Parse(json!).EnumerateArray().Select(each => (Pk: each[0].GetString()!, Id: each[1].GetString()!));
        return query.OrderSql.Length > 0 ? [.. all]
            : InSlotOrder(all);
    }

    public static List<(string Pk, string Id)> InSlotOrder(IEnumerable<(string Pk, string Id)> items) =>
        [.. items.OrderBy(each => SlotHash.Of(each.Pk).Value).ThenBy(each => each.Pk, KeyOrder.Comparer).ThenBy(each => each.Id, KeyOrder.Comparer)];

    public async Task<long> CountAsync(RandomQuery query) => (await Items.Api.PostAsync(
        Items.Address + ":count", $$"""{"allowScan":true{{(query.Filter is null ? "" : ",\"filter\":" + query.Filter)}}}""")).Expect(200).Json.GetProperty("count").GetInt64();

    /// <returns>The text of one row of SQL over the oracle's items.</returns>
    public async Task<string> OracleAsync(string sql) => (await _oracle.ScalarAsync<string>(sql))!;

    public async ValueTask DisposeAsync()
    {
        await _router.DisposeAsync();
        await Cluster.DisposeAsync();
        await _oracle.DisposeAsync();
    }
}
