using System.Globalization;
using System.Text.Json;
using Npgsql;
using NpgsqlTypes;
using ShardRouter.Documents;

namespace ShardRouter.Items;

/// <summary>Writes conditions on the documents of <c>i</c> (sharding.item) as SQL. Every value becomes a parameter of the command.</summary>
/// <param name="command">It gets the parameters.</param>
/// <param name="paths">
/// How paths stand in the text. As parameters: the text is the same for all paths, and so it can stay prepared. As literals: the planner
/// sees that an index has the same expression.
/// </param>
internal sealed class FieldSql(NpgsqlCommand command, FieldPaths paths = FieldPaths.AreParameters)
{
    /// <summary>Null where the field is not there, except for <see cref="FieldOperator.Ne"/> and <see cref="FieldOperator.Exists"/>.</summary>
    public string Condition(FieldFilter filter)
    {
        var field = Field(filter.Path);
        var text = $"({field} #>> '{{}}')";
        return filter.Operator switch
        {
            FieldOperator.Eq => $"{field} = {AddJson(filter.Values[0])}",
            FieldOperator.Ne => $"{field} is distinct from {AddJson(filter.Values[0])}",
            FieldOperator.In => $"{field} = any ({AddJsonArray(filter.Values)})",
            FieldOperator.Exists => filter.Values[0] == "true" ? $"{field} is not null" : $"{field} is null",
            FieldOperator.Prefix => $"(jsonb_typeof({field}) = 'string' and starts_with({text}, {Add(TextOf(filter.Values[0]))}))",
            FieldOperator.Contains => $"case jsonb_typeof({field}) when 'array' then {field} @> jsonb_build_array({AddJson(filter.Values[0])})"
                + (IsText(filter.Values[0]) ? $" when 'string' then strpos({text}, {Add(TextOf(filter.Values[0]))}) > 0" : "") + " else false end",
            _ => Comparison(filter, field, text),
        };
    }

    /// <summary>
    /// The value at the path. Postgres' <c>#></c> would take '-1' and '01' for places in an array, but here only <c>0</c>, <c>1</c> … are
    /// names of elements. Such a step goes by <c>-></c>, which looks into objects only. For simplicity every other name that ends with a
    /// digit does so too.
    /// </summary>
    public string Field(string[] path)
    {
        var field = "i.doc";
        for (var from = 0; from < path.Length;)
        {
            var to = from;
            while (to < path.Length && (FieldPath.IsIndex(path[to], out _) || path[to].Length == 0 || !char.IsAsciiDigit(path[to][^1])))
                to++;
            if (to > from)
                field = $"({field} #> {PathOf(path[from..to])})";
            if (to < path.Length)
                field = $"({field} -> {StepOf(path[to++])})";
            from = to;
        }
        return field;
    }

    /// <summary>A literal of SQL.</summary>
    public static string Literal(string text) => $"'{text.Replace("'", "''", StringComparison.Ordinal)}'";

    private string PathOf(string[] steps) => paths == FieldPaths.AreParameters
        ? Add(steps)
        : Literal($"{{{string.Join(',', steps.Select(Quoted))}}}") + "::text[]";

    private string StepOf(string step) => paths == FieldPaths.AreParameters ? Add(step) : Literal(step) + "::text";

    /// <summary>An element of Postgres' array literal.</summary>
    private static string Quoted(string step) =>
        "\"" + step.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal) + "\"";

    private string Comparison(FieldFilter filter, string field, string text)
    {
        var comparison = filter.Operator switch
        {
            FieldOperator.Gt => ">",
            FieldOperator.Gte => ">=",
            FieldOperator.Lt => "<",
            _ => "<=",
        };
        return IsText(filter.Values[0])
            ? $"(jsonb_typeof({field}) = 'string' and {text} collate \"C\" {comparison} {Add(TextOf(filter.Values[0]))})"
            : $"(jsonb_typeof({field}) = 'number' and {field} {comparison} {AddJson(filter.Values[0])})";
    }

    private static bool IsText(string json) => json[0] == '"';

    private static string TextOf(string json)
    {
        using var value = JsonDocument.Parse(json);
        return value.RootElement.GetString()!;
    }

    public string Add<T>(T value)
    {
        command.Parameters.Add(new NpgsqlParameter<T> { TypedValue = value });
        return Last;
    }

    private string AddJson(string json)
    {
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = json, NpgsqlDbType = NpgsqlDbType.Jsonb });
        return Last;
    }

    private string AddJsonArray(IReadOnlyList<string> values)
    {
        command.Parameters.Add(new NpgsqlParameter<string[]> { TypedValue = [.. values], NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Jsonb });
        return Last;
    }

    private string Last => string.Create(CultureInfo.InvariantCulture, $"${command.Parameters.Count}");
}

/// <summary>How <see cref="FieldSql"/> writes paths.</summary>
internal enum FieldPaths
{
    AreParameters,
    AreLiterals,
}
