using System.Globalization;
using System.Text.Json;
using FsCheck;
using FsCheck.Fluent;

namespace ShardRouter.Tests.Queries;

/// <summary>A query for the service, and the same for one Postgres with the table oracle(pk, id, doc), as two texts that share no code.</summary>
/// <param name="Filter">JSON; null: none.</param>
/// <param name="Where">SQL.</param>
/// <param name="Order">JSON of orderBy.</param>
/// <param name="OrderSql">With a comma behind it; empty: no order.</param>
public sealed record RandomQuery(string? Filter, string Where, string Order, string OrderSql, int Limit)
{
    public override string ToString() => $"filter {Filter}, order {Order}, limit {Limit}";
}

/// <summary>Documents with every kind of value in a few fields, and queries over these.</summary>
internal static class RandomQueries
{
    private static readonly string[] Texts = ["", "a", "A", "ab", "b", "é", "e\u0301", "\ue000", "😀", "10", "true", "%_'\\", "ab c"];
    private static readonly string[] Numbers = ["0", "-0.5", "1", "1.0", "1e2", "100", "-3", "12345678901234567890.5", "0.1", "0.10", "7"];

    private static readonly Gen<string> Scalar = Gen.OneOf(
        Gen.Elements(Numbers), Gen.Elements(Texts).Select(text => JsonSerializer.Serialize(text)), Gen.Elements("true", "false", "null"));

    private static readonly Gen<string> Value = Gen.Frequency(
        (6, Scalar), (1, Gen.Elements("[]", "[1]", "[1.0,\"a\"]", "[\"ab\",null]", "{}", """{"a":1}""", """{"c":"a"}""")));

    private static readonly Gen<string> Path = Gen.Elements("a", "b", "n", "o.c", "o.0", "missing");

    /// <summary>A document: each field may be there or not.</summary>
    public static readonly Gen<string> Document =
        from a in Maybe("a", Value)
        from b in Maybe("b", Gen.Elements(Texts).Select(text => JsonSerializer.Serialize(text)))
        from n in Maybe("n", Gen.Choose(-20, 20).Select(n => n.ToString(CultureInfo.InvariantCulture)))
        from o in Maybe("o", Gen.OneOf(Value, Value.Select(inner => $$"""{"c":{{inner}}}""")))
        select "{" + string.Join(',', new[] { a, b, n, o }.Where(field => field.Length > 0)) + "}";

    public static readonly Gen<RandomQuery> Query =
        from filter in Gen.Frequency((1, Gen.Constant<(string Json, string Sql)?>(null)), (6, Filter(3).Select(filter => ((string Json, string Sql)?)filter)))
        from order in Gen.OneOf(
            Gen.Zip(Path, Gen.Elements(false, true)).ListOf().Select(fields => fields.Take(2).ToArray()),
            Gen.Zip(Gen.Elements("a", "b", "n", "n a", "a b", "a b n", "o.c", "o.c o.0"), Gen.Elements(false, true).ArrayOf(3))
                .Select(chosen => chosen.Item1.Split(' ').Zip(chosen.Item2, (path, down) => (path, down)).ToArray()))
        from limit in Gen.Frequency((1, Gen.Constant(1)), (3, Gen.Constant(7)), (6, Gen.Constant(40)), (6, Gen.Constant(1000)))
        select new RandomQuery(
            filter?.Json, filter?.Sql ?? "true",
            "[" + string.Join(',', order.Select(field => $$"""{"path":"{{field.Item1}}","dir":"{{(field.Item2 ? "desc" : "asc")}}"}""")) + "]",
            string.Concat(order.Select(field => OrderSql(field.Item1, field.Item2) + ", ")), limit);

    /// <summary>The field as SQL, as jsonb.</summary>
    public static string Sql(string path) => $"(doc #> '{{{path.Replace('.', ',')}}}')";

    private static string OrderSql(string path, bool descending)
    {
        var (field, direction) = (Sql(path), descending ? "desc" : "asc");
        return $$"""
            case when jsonb_typeof({{field}}) = 'number' then 1 when jsonb_typeof({{field}}) = 'string' then 2 when jsonb_typeof({{field}}) = 'boolean' then 3 else 4 end,
            case when jsonb_typeof({{field}}) = 'number' then {{field}}::numeric end {{direction}},
            case when jsonb_typeof({{field}}) = 'string' then {{field}} #>> '{}' end collate "C" {{direction}},
            case when jsonb_typeof({{field}}) = 'boolean' then {{field}}::boolean end {{direction}}
            """;
    }

    private static Gen<(string Json, string Sql)> Filter(int levels) => levels == 0
        ? Comparison
        : Gen.Frequency(
            (4, Comparison),
            (1, Filter(levels - 1).Select(inner => (Json: $$"""{"not":{{inner.Json}}}""", Sql: $"not ({inner.Sql})"))),
            (2, from name in Gen.Elements("and", "or")
                from one in Filter(levels - 1)
                from other in Filter(levels - 1)
                select (Json: $$"""{"{{name}}":[{{one.Json}},{{other.Json}}]}""", Sql: $"(({one.Sql}) {name} ({other.Sql}))")));

    private static Gen<(string Json, string Sql)> Comparison => Path.SelectMany(path => Gen.OneOf(
        Scalar.Select(value => Of(path, "eq", value, $"{Sql(path)} = {Literal(value)}")),
        Scalar.Select(value => Of(path, "ne", value, $"{Sql(path)} is null or {Sql(path)} <> {Literal(value)}")),
        from comparison in Gen.Elements(("gt", ">"), ("gte", ">="), ("lt", "<"), ("lte", "<="))
        from number in Gen.Elements(Numbers)
        select Of(path, comparison.Item1, number, $"case when jsonb_typeof({Sql(path)}) = 'number' then {Sql(path)}::numeric {comparison.Item2} {number} end"),
        from comparison in Gen.Elements(("gt", ">"), ("gte", ">="), ("lt", "<"), ("lte", "<="))
        from text in Gen.Elements(Texts)
        select Of(
            path, comparison.Item1, JsonSerializer.Serialize(text),
            $"case when jsonb_typeof({Sql(path)}) = 'string' then convert_to({Sql(path)} #>> '{{}}', 'UTF8') {comparison.Item2} convert_to({Quoted(text)}, 'UTF8') end"),
        Scalar.NonEmptyListOf().Select(values => values.Take(5).ToArray()).Select(values => Of(path, "in", $"[{string.Join(',', values)}]", string.Join(" or ", values.Select(value => $"{Sql(path)} = {Literal(value)}")))),
        Gen.Elements(Texts).Select(text => Of(
            path, "prefix", JsonSerializer.Serialize(text),
            $"jsonb_typeof({Sql(path)}) = 'string' and left({Sql(path)} #>> '{{}}', length({Quoted(text)})) = {Quoted(text)}")),
        Scalar.Select(value => Of(
            path, "contains", value,
            $"(jsonb_typeof({Sql(path)}) = 'array' and exists (select from jsonb_array_elements(case jsonb_typeof({Sql(path)}) when 'array' then {Sql(path)} end) e where e = {Literal(value)}))"
            + (value[0] == '"' ? $" or (jsonb_typeof({Sql(path)}) = 'string' and position({Quoted(JsonSerializer.Deserialize<string>(value)!)} in {Sql(path)} #>> '{{}}') > 0)" : ""))),
        Gen.Elements("true", "false").Select(wanted => Of(path, "exists", wanted, $"({Sql(path)} is not null) = {wanted}"))));

    private static (string Json, string Sql) Of(string path, string comparison, string value, string sql) =>
        ($$"""{"{{path}}":{"{{comparison}}":{{value}} } }""", $"(({sql}) is true)");

    private static Gen<string> Maybe(string name, Gen<string> value) =>
        Gen.Frequency((1, Gen.Constant("")), (4, value.Select(given => $"\"{name}\":{given}")));

    private static string Literal(string json) => Quoted(json) + "::jsonb";

    public static string Quoted(string text) => "'" + text.Replace("'", "''", StringComparison.Ordinal) + "'";
}
