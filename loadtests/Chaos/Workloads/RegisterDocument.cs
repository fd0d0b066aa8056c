using System.Text.Json;

namespace Chaos.Workloads;

/// <summary>
/// The document of a register. It has <c>value</c>, after a patch also <c>patch</c>. A large document also has <c>pad</c>: about 200 KB
/// that do not compress, which Postgres stores out of line (TOAST).
/// </summary>
internal static class RegisterDocument
{
    private const int PadBytes = 150_000;
    private const string LargeId = "r-large";

    public static string IdOf(bool isLarge) => isLarge ? LargeId : "r";

    /// <param name="value">The value; its id decides whether the document is large.</param>
    public static string Of(string value) => IsLarge(value)
        ? JsonSerializer.Serialize(new { value, pad = PadOf(value) })
        : JsonSerializer.Serialize(new { value });

    public static string PatchOf(string value) => JsonSerializer.Serialize(new { patch = value });

    /// <returns>The value of the last write or patch.</returns>
    public static string LastWritten(JsonElement document) =>
        document.TryGetProperty("patch", out var patch) ? patch.GetString()! : Value(document);

    /// <returns>The value of the last write before the patches; null: the document was not patched.</returns>
    public static IReadOnlyList<string>? BesidePatch(JsonElement document) => document.TryGetProperty("patch", out _) ? [Value(document)] : null;

    /// <returns>The value; if the document has the pad of another value, a text that nobody wrote.</returns>
    private static string Value(JsonElement document)
    {
        var value = document.GetProperty("value").GetString()!;
        var pad = document.TryGetProperty("pad", out var text) ? text.GetString() : null;
        return pad == (IsLarge(value) ? PadOf(value) : null) ? value : $"{value} with another pad";
    }

    private static bool IsLarge(string value) => value.Contains($"/{LargeId}#", StringComparison.Ordinal);

    private static string PadOf(string value)
    {
        var seed = 17;
        foreach (var character in value)
            seed = unchecked((seed * 31) + character);
        var bytes = new byte[PadBytes];
        new Random(seed).NextBytes(bytes);
        return Convert.ToBase64String(bytes).Replace('+', '-'); // JSON would escape a plus
    }
}
