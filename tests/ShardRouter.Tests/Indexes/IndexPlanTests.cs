using Npgsql;
using ShardCore.Documents;
using ShardCore.Shards;
using ShardRouter.Indexes;
using ShardRouter.Items;
using ShardRouter.Queries;
using ShardRouter.Tests.Setup;
using TestCluster;
using IndexField = ShardCore.Indexes.IndexField;

namespace ShardRouter.Tests.Indexes;

/// <summary>What Postgres does with the statements: it reads the index in order, and hardly a row that it does not need.</summary>
public sealed class IndexPlanTests(RouterFixture fixture) : RouterTests(fixture)
{
    private const int Rows = 20_000;

    public static TheoryData<string, string, string, bool> Queries => new()
    {
        { "n", "", "n", false },
        { "n", "", "n desc", false },
        { "n desc", "", "n", false },
        { "s, n desc", "s = a", "n desc", false },
        { "s, n desc", "s = a", "n", false },
        { "s, n", "s = a", "", true },
        { "o.x.-1", "", "o.x.-1", false },
        { "o.0.é'", "", "o.0.é'", false },
    };

    [Theory]
    [MemberData(nameof(Queries))]
    public async Task A_page_reads_the_index_from_where_it_begins(string index, string filter, string order, bool isUnordered)
    {
        IndexField[] fields = [.. Fields(index)
            .Select(field => new IndexField(string.Join('.', field.Path), field.Path, null, field.Descending))];
        var use = new IndexDefinition("i", fields, false, default, IndexState.Ready, 1, null, "", true);
        (await Items.IndexAsync("i", $"[{string.Join(',', use.Fields.Select(field => $$"""{"path":"{{field.Path}}","dir":"{{(field.Descending ? "desc" : "asc")}}"}"""))}]")).Expect(200);
        var shard = Cluster.Shards[0].Database;
        await shard.ExecuteAsync($$"""
            insert into sharding_items.{{Items.Name}}
            select 1, now(), null, 0, '{{Items.Name}}', 'p' || g % 100, 'i' || g,
                   jsonb_build_object('n', g, 's', case g % 2 when 0 then 'a' else 'b' end, 'o', jsonb_build_object('x', jsonb_build_object('-1', g), '0', jsonb_build_object('é''', g)))
            from generate_series(1, {{Rows}}) g
            """);
        await shard.ExecuteAsync($"analyze sharding_items.{Items.Name}");
        var items = new ItemSelection(Items.Name, null, [], filter.Length == 0 ? null : new FieldIs(new FieldFilter(["s"], FieldOperator.Eq, ["\"a\""])), null);
        var query = QueryPlanner.Plan(new ItemQuery(items, [.. Fields(order)], null, 100, null, TimeSpan.FromSeconds(1), CountKind.None), false, null, [use]);

        var first = await ExplainAsync(query);
        SortValue[] values =
        [
            .. query.Order.Select(field => field.Path[0] == "s"
                ? new SortValue(SortValue.String, "a")
                : new SortValue(SortValue.Number, "10001")),
        ];
        var later = await ExplainAsync(query with { After = new SortKey(values, 0, "p1", "i10001") });

        Assert.Equal(isUnordered, order.Length == 0);
        foreach (var plan in new[] { first, later })
        {
            Assert.Contains($"\"{Items.Name}.i\"", plan, StringComparison.Ordinal);
            Assert.DoesNotContain("_pkey", plan.Replace("slot_ownership_pkey", "", StringComparison.Ordinal), StringComparison.Ordinal);
            Assert.InRange(RowsOf(plan), 1, 450); // a page has 101, and a search along the index backwards sorts what is equal
        }
    }

    private async Task<string> ExplainAsync(ItemQuery query)
    {
        await using var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(Cluster.Shards[0].Database.DataSource.ConnectionString)
        {
            Options = SessionSettings.Every + SessionSettings.Router,
        }.ConnectionString);
        await connection.OpenAsync();
        await using var command = connection.CreateCommand();
        command.CommandText = "explain (analyze, costs off, timing off, summary off) "
            + new PageSql(new ItemsSql(command, CollectionSql.NameOf(Items.Name), query.Index), query).Build(SlotSet.All);
        await using var reader = await command.ExecuteReaderAsync();
        var lines = new List<string>();
        while (await reader.ReadAsync())
            lines.Add(reader.GetString(0));
        return string.Join('\n', lines);
    }

    /// <summary>The most rows that an index scan of the partition gave or left out.</summary>
    private static int RowsOf(string plan) => plan.Split('\n')
        .SkipWhile(line => !line.Contains("Index Scan", StringComparison.Ordinal))
        .Where(line => line.Contains("rows=", StringComparison.Ordinal) && !line.Contains("slot_ownership", StringComparison.Ordinal))
        .Select(line => (int)double.Parse(line.Split("rows=")[1].Split(' ')[0], System.Globalization.CultureInfo.InvariantCulture))
        .DefaultIfEmpty(0).Max();

    private static IEnumerable<SortField> Fields(string text) => text.Split(", ", StringSplitOptions.RemoveEmptyEntries).Select(each =>
        new SortField(FieldPath.Parse(each.Split(' ')[0])!, each.EndsWith(" desc", StringComparison.Ordinal)));
}
