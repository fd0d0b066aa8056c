using System.CommandLine;
using System.CommandLine.Parsing;
using ShardCore.Indexes;

namespace ShardAdmin.Indexes;

/// <summary>The arguments of the commands for indexes.</summary>
internal static class IndexArguments
{
    public static Argument<string> Name() => Checked(new Argument<string>("NAME"));

    public static Argument<string?> OptionalName() => Checked(new Argument<string?>("NAME") { Arity = ArgumentArity.ZeroOrOne });

    public static Argument<IndexField[]> Fields() => new("FIELD")
    {
        Description = $"Up to {IndexField.Most} fields of the documents: {IndexField.Form}. PATH is a.b.0, or a JSON pointer such as /a.b/0. "
            + "The type is told back; values of all types are indexed",
        Arity = new ArgumentArity(1, IndexField.Most),
        CustomParser = ParseFields,
    };

    private static Argument<T> Checked<T>(Argument<T> argument)
    {
        argument.Description = $"Name of the index: {IndexName.Rule}";
        argument.Validators.Add(result =>
        {
            if (result.Tokens.Count > 0 && !IndexName.IsValid(result.Tokens[0].Value))
                result.AddError($"'{result.Tokens[0].Value}' is not a name of an index: {IndexName.Rule}.");
        });
        return argument;
    }

    private static IndexField[]? ParseFields(ArgumentResult result)
    {
        var fields = result.Tokens.Select(token => (token.Value, Field: IndexField.Parse(token.Value))).ToArray();
        foreach (var (text, _) in fields.Where(each => each.Field is null))
            result.AddError($"'{text}' is not a field: {IndexField.Form}.");
        if (fields.Length > IndexField.Most)
            result.AddError($"An index has up to {IndexField.Most} fields, not {fields.Length}.");
        if (fields.Select(each => each.Field).OfType<IndexField>().GroupBy(field => string.Join('\0', field.Steps), StringComparer.Ordinal)
            .FirstOrDefault(same => same.Count() > 1) is { } twice)
            result.AddError($"The field {twice.First().Path} is named twice.");
        return [.. fields.Select(each => each.Field).OfType<IndexField>()];
    }
}
