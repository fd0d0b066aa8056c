using System.Globalization;
using System.Text.Json;
using Fuzz.Contract;
using Fuzz.Making;
using Fuzz.Sending;

namespace Fuzz.Judging;

/// <summary>Says what is wrong with the answer to a case: no input may make the service fail, and no fault was caused otherwise.</summary>
internal sealed class AnswerJudge(ApiContract contract)
{
    /// <summary>A server that refuses a long body may close before the client has sent it, and the answer is lost on the way.</summary>
    private const int LongRequest = 48 * 1024;

    /// <summary>Of HTTP itself, so that no operation documents them: the headers or the address are too long, or the version is unknown.</summary>
    private static readonly int[] OfHttp = [400, 405, 408, 411, 413, 414, 417, 431, 501, 505];

    /// <returns>What is wrong; null: nothing.</returns>
    public string? Judge(FuzzCase sent, IReadOnlyList<ReceivedAnswer> answers)
    {
        if (answers.Count == 0)
            return sent.Bytes.Length > LongRequest ? null : "no answer";
        if (answers.Count < sent.Answers && answers[^1].KeepsConnection)
            return string.Create(CultureInfo.InvariantCulture, $"{answers.Count} answers to {sent.Answers} requests");
        return answers.Select(answer => Judge(answer, sent.Request, IsHasty(sent))).FirstOrDefault(wrong => wrong is not null);
    }

    /// <summary>Of bytes that came back for bytes of which nobody knows what they are.</summary>
    public static string? JudgeUnknown(FuzzCase sent, string received) =>
        received.StartsWith("HTTP/1.1 5", StringComparison.Ordinal) && !IsRefusal(received.AsSpan(9, 3), received)
            && !(IsHasty(sent) && received.AsSpan(9, 3) is "503" or "504") ? FirstLine(received)
        : received.Contains("\nHTTP/1.1 500", StringComparison.Ordinal) || received.Contains("\nHTTP/1.1 502", StringComparison.Ordinal) ? "500 or 502 within " + FirstLine(received)
        : HasInternal(received) ? "internal within " + FirstLine(received)
        : null;

    private static bool IsHasty(FuzzCase sent) => sent.Bytes.AsSpan().IndexOf("Request-Timeout: 0.0"u8) >= 0;

    /// <param name="isHasty">A request gave itself so little time that it may say anything of shards that did not answer by then.</param>
    private string? Judge(ReceivedAnswer answer, FuzzRequest? request, bool isHasty)
    {
        var status = answer.Status.ToString(CultureInfo.InvariantCulture);
        if (answer.Status is 500 or 502 or > 505 or < 200)
            return status;
        var isProblem = answer.Head.Contains("application/problem+json", StringComparison.OrdinalIgnoreCase);
        if (HasInternal(isProblem || answer.Status == 207 ? answer.BodyText : ""))
            return status + " with the code internal";
        if (answer.Status is 503 or 504 && !isHasty && !IsRefusal(status, answer.BodyText))
            return status + " although nothing is away";
        if (isProblem && answer.Body.Length > 0 && WrongProblem(answer) is { } wrong)
            return wrong;
        return request is { IsElsewhere: false } && !request.Operation.Statuses.Contains(status) && !OfHttp.Contains(answer.Status)
            ? $"{status} is not documented for {request.Operation.Method} {request.Operation.Path}"
            : null;
    }

    private string? WrongProblem(ReceivedAnswer answer)
    {
        try
        {
            using var problem = JsonDocument.Parse(answer.Body);
            var code = problem.RootElement.GetProperty("code").GetString()!;
            return contract.Codes.Contains(code) ? null : $"{answer.Status} with the unknown code {code}";
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            return $"{answer.Status} with a body that is no problem";
        }
    }

    /// <summary>Too much at once, a deadline that the request itself set, and what HTTP has no version or method for.</summary>
    private static bool IsRefusal(ReadOnlySpan<char> status, string body) => status switch
    {
        "503" => body.Contains("\"overloaded\"", StringComparison.Ordinal),
        "504" => body.Contains("\"deadline-exceeded\"", StringComparison.Ordinal),
        "501" or "505" => true,
        _ => false,
    };

    private static bool HasInternal(string text) => text.Contains("\"code\":\"internal\"", StringComparison.Ordinal);

    private static string FirstLine(string text) => text.Split('\r', 2)[0];
}
