using System.Text;
using System.Text.Json;
using Xunit;

namespace TestCluster;

/// <summary>An answer of the data API, read whole.</summary>
/// <param name="Headers">Those of the content included; of several lines, joined by commas.</param>
/// <param name="Elapsed">From sending to the last byte.</param>
public sealed record ApiReply(int Status, IReadOnlyDictionary<string, string> Headers, byte[] Body, TimeSpan Elapsed)
{
    private static readonly string[] NeverInAnswers = ["Npgsql", "sharding.", "select ", "   at ", "127.0.0.1", "Exception"];

    /// <summary>What the server logged of late; a 500 says nothing of its cause in the answer.</summary>
    public Func<string>? ServerLog { get; init; }

    public string Text => Encoding.UTF8.GetString(Body);

    public JsonElement Json => JsonElement.Parse(Body);

    public string? this[string header] => Headers.GetValueOrDefault(header);

    public string ETag => this["ETag"] ?? throw new InvalidOperationException($"There is no ETag: {this}");

    /// <summary>The code of a problem, or null.</summary>
    public string? Code => this["Content-Type"] == "application/problem+json" && Body.Length > 0 ? Json.GetProperty("code").GetString() : null;

    /// <returns>This, when it has the status; the test fails otherwise, showing what came instead.</returns>
    public ApiReply Expect(int status)
    {
        if (Status != status)
            Assert.Fail($"Expected {status}, got {this}");
        return this;
    }

    /// <summary>Expects problem+json with status, code and all members that every problem has, and without inner matters.</summary>
    public ApiReply ExpectProblem(int status, string code)
    {
        if (Status != status || Code != code)
            Assert.Fail($"Expected {status} {code}, got {this}");
        var problem = Json;
        Assert.Equal(status, problem.GetProperty("status").GetInt32());
        Assert.NotEmpty(problem.GetProperty("title").GetString()!);
        Assert.NotEmpty(problem.GetProperty("type").GetString()!);
        Assert.Equal(this["Request-Id"], problem.GetProperty("requestId").GetString());
        Assert.True(problem.GetProperty("retryable").ValueKind is JsonValueKind.True or JsonValueKind.False);
        foreach (var inner in NeverInAnswers)
            Assert.DoesNotContain(inner, Text.Replace("vnd.sharding.increment+json", "", StringComparison.Ordinal)); // a media type's name
        return this;
    }

    public override string ToString()
    {
        var text = Text;
        var log = Status == 500 && ServerLog is not null ? "\nThe server logged:\n" + ServerLog() : "";
        return $"{Status} {(text.Length <= 600 ? text : text[..600] + "…")}{log}";
    }
}
