using System.Text;
using System.Text.Json;
using Chaos.Recording;
using Workbench;

namespace Chaos.Workloads;

/// <summary>
/// Sends requests about items of several partitions. The operation of each item is recorded separately, in its partition, because the API
/// promises neither a common snapshot nor all or nothing.
/// </summary>
internal static class BatchCalls
{
    /// <param name="reads">The reads; the calls of the first one send the request.</param>
    /// <returns>The answer to the first read.</returns>
    public static async Task<(ApiAnswer Answer, bool IsThere)> ReadAsync(Random random, IReadOnlyList<(ItemCalls Calls, ItemView View)> reads)
    {
        var keys = reads.Select(read => new { pk = read.Calls.Key, id = read.View.Id }).ToArray();
        long[] operations = [.. reads.Select(read => read.Calls.BeginRead(read.View))];
        var body = JsonSerializer.Serialize(new { keys });
        var answers = await SendAsync(random, OperationKind.Read, ":batchGet", body, [.. reads.Select(read => (read.Calls, read.View.Id))]);
        return reads.Select((read, place) => read.Calls.EndRead(operations[place], read.View, answers[place])).ToArray()[0];
    }

    /// <param name="inserts">The inserts; the calls of the first one send the request.</param>
    public static async Task InsertAsync(Random random, IReadOnlyList<(ItemCalls Calls, ItemInsert Insert)> inserts)
    {
        long[] operations = [.. inserts.Select(each => each.Calls.BeginInsert(each.Insert))];
        var body = JsonSerializer.Serialize(new { ops = inserts.Select(each => OperationOf(each.Calls.Key, each.Insert)) });
        var answers = await SendAsync(random, OperationKind.Create, ":batchWrite", body, [.. inserts.Select(each => (each.Calls, each.Insert.Id))]);
        for (var place = 0; place < inserts.Count; place++)
            inserts[place].Calls.EndWrite(operations[place], answers[place]);
    }

    /// <summary>Splits the answer to a batch into the answers of its items.</summary>
    /// <param name="answer">200, 207, or a failure of the whole request, which then applies to every item.</param>
    /// <param name="items">The items of the request, in their order.</param>
    /// <exception cref="WrongAnswerException">The answer is about other items.</exception>
    public static ApiAnswer[] PartsOf(ApiAnswer answer, IReadOnlyList<(string Key, string Id)> items)
    {
        if (answer.Status is not (200 or 207))
            return [.. items.Select(_ => answer)];
        return answer.Json(body =>
        {
            JsonElement[] results = [.. body.GetProperty("results").EnumerateArray()];
            var named = results.Select(result => (result.GetProperty("pk").GetString()!, result.GetProperty("id").GetString()!));
            if (!named.SequenceEqual(items))
                throw new WrongAnswerException($"These are not the answers to {string.Join(' ', items)}: {Encoding.UTF8.GetString(answer.Body)}");
            return results.Select(result => PartOf(result, answer.Route)).ToArray();
        });
    }

    private static ApiAnswer PartOf(JsonElement result, string route)
    {
        var status = result.GetProperty("status").GetInt32();
        var version = result.TryGetProperty("etag", out var etag) ? ApiAnswer.VersionOf(etag.GetString()) : null;
        var hasBody = result.TryGetProperty("doc", out var document) || result.TryGetProperty("error", out document);
        byte[] body = hasBody ? Encoding.UTF8.GetBytes(document.GetRawText()) : [];
        return new ApiAnswer(status, version, body, $"batch by {route}") { Outcome = ApiAnswer.OutcomeOf(status, body) };
    }

    private static Dictionary<string, object> OperationOf(string key, ItemInsert insert)
    {
        var operation = new Dictionary<string, object>(StringComparer.Ordinal)
        {
            ["op"] = "put",
            ["pk"] = key,
            ["id"] = insert.Id,
            ["doc"] = JsonDocument.Parse(insert.Document).RootElement,
            ["ifNoneMatch"] = "*",
        };
        if (insert.TtlSeconds is { } seconds)
            operation["ttl"] = seconds;
        return operation;
    }

    private static async Task<ApiAnswer[]> SendAsync(
        Random random, OperationKind kind, string method, string body, IReadOnlyList<(ItemCalls Calls, string Id)> items)
    {
        var (api, path) = (items[0].Calls.Api, $"/v1/collections/{items[0].Calls.Collection}{method}");
        var answer = await items[0].Calls.TimedAsync(kind, () => api.SendAsync(random, "POST", path, body));
        try
        {
            var parts = PartsOf(answer, [.. items.Select(item => (item.Calls.Key, item.Id))]);
            foreach (var part in parts.Where(part => part != answer))
                api.Examine(part, $"a part of POST {path}");
            return parts;
        }
        catch (WrongAnswerException e)
        {
            api.Surprise(e.Message);
            return [.. items.Select(_ => answer with { Status = 0, Body = [], Outcome = OperationOutcome.Unknown })];
        }
    }
}
