using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using ShardAdmin.Failures;

namespace ShardAdmin.Output;

/// <summary>A document that one command writes into a file and another one reads.</summary>
/// <param name="Kind">The value of its field "document".</param>
/// <param name="Schema">Its version: the value of its field "schema".</param>
/// <param name="What">Its name in messages, such as "plan".</param>
/// <param name="Anew">The command that makes a new one.</param>
internal sealed record DocumentKind(string Kind, int Schema, string What, string Anew);

/// <summary>
/// Writes and reads such documents. The checksum is computed from the parsed document without the checksum field. Formatting the file
/// anew does not change the checksum; editing a value does.
/// </summary>
internal static class CheckedDocument
{
    private static readonly JsonSerializerOptions Strict = new(AdminJson.Indented)
    {
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
    };

    public static string Write<T>(T document) => JsonSerializer.Serialize(document, Strict);

    /// <param name="document">The document without its checksum.</param>
    public static string SumOf<T>(T document) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Write(document))));

    /// <exception cref="CommandFailedException">Exit 3: there is no such file. Exit 1: it cannot be read.</exception>
    public static async Task<string> ReadFileAsync(string file, DocumentKind kind, CancellationToken cancellation)
    {
        try
        {
            return await File.ReadAllTextAsync(file, cancellation);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandFailedException(
                e is FileNotFoundException or DirectoryNotFoundException ? ExitCode.NotFound : ExitCode.Failed,
                e is FileNotFoundException or DirectoryNotFoundException
                    ? $"There is no {kind.What} {file}: no such file."
                    : $"The {kind.What} {file} cannot be read: {e.Message}",
                kind.Anew);
        }
    }

    /// <param name="isWhole">Whether the checksum of the document is right.</param>
    /// <exception cref="CommandFailedException">Exit 2: the text is not a document of this kind. Exit 4: the document is damaged, was
    /// edited, or has another version.</exception>
    public static T Read<T>(string text, string file, DocumentKind kind, Func<T, bool> isWhole)
        where T : class
    {
        RequireKind(text, file, kind);
        T? document;
        try
        {
            document = JsonSerializer.Deserialize<T>(text, Strict);
        }
        catch (Exception e) when (e is JsonException or NotSupportedException or FormatException)
        {
            throw Damaged(file, kind, $"it lacks a field, or has one too many: {e.Message.Split(". Path")[0]}");
        }
        return document is not null && isWhole(document) ? document
            : throw Damaged(file, kind, "its checksum is wrong: the file was changed after it was made");
    }

    private static void RequireKind(string text, string file, DocumentKind kind)
    {
        try
        {
            using var json = JsonDocument.Parse(text);
            var isOne = json.RootElement.ValueKind == JsonValueKind.Object && json.RootElement.TryGetProperty("document", out var said)
                && said.ValueKind == JsonValueKind.String && said.ValueEquals(kind.Kind);
            if (!isOne)
                throw new CommandFailedException(ExitCode.Usage, $"{file} is not a {kind.What}.", kind.Anew);
            if (!json.RootElement.TryGetProperty("schema", out var schema) || !schema.TryGetInt32(out var version))
                throw Damaged(file, kind, "it does not say its version");
            if (version != kind.Schema)
                throw new CommandFailedException(
                    ExitCode.Precondition, $"The {kind.What} {file} has version {version}; this program knows {kind.Schema}.",
                    $"use the program that made it, or: {kind.Anew}");
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw Damaged(file, kind, $"it is not JSON, or is cut off: {e.Message.Split(". LineNumber")[0]}");
        }
    }

    private static CommandFailedException Damaged(string file, DocumentKind kind, string why) =>
        new(ExitCode.Precondition, $"The {kind.What} {file} is damaged; {why.TrimEnd('.')}.", kind.Anew);
}
