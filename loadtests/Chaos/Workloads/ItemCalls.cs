using System.Globalization;
using System.Text.Json;
using LoadTests.Chaos.Recording;

namespace LoadTests.Chaos.Workloads;

/// <summary>The API's operations on single items, each recorded as it begins and as it ends.</summary>
/// <param name="collection">The items' collection.</param>
/// <param name="key">The partition.</param>
internal sealed class ItemCalls(ApiCaller api, PartitionRecorder recorder, Action<OperationKind, ApiAnswer, TimeSpan> told, string collection, string key)
{
    /// <param name="valueOf">What of the document is recorded as its value; null: nothing.</param>
    /// <param name="seenOf">What of the document is recorded as a list; null: nothing.</param>
    /// <param name="item">As it is recorded: of a partition with one item, null.</param>
    public async Task<(ApiAnswer Answer, bool IsThere)> ReadAsync(
        Random random, string id, string? item, Func<JsonElement, string>? valueOf, Func<JsonElement, IReadOnlyList<string>>? seenOf)
    {
        var operation = recorder.Invoke(OperationKind.Read, item);
        var answer = await TimedAsync(OperationKind.Read, () => api.SendAsync(random, "GET", PathOf(id), null));
        var isThere = answer.Status == 200;
        var isAnswered = isThere || IsNotFound(answer);
        recorder.Complete(
            operation, isAnswered ? OperationOutcome.Ok : OperationOutcome.Fail, answer.ETag, value: isThere && valueOf is not null ? answer.Json(valueOf) : null,
            seen: isThere && seenOf is not null ? answer.Json(seenOf) : null, note: answer.Note);
        return (answer with { Outcome = isAnswered ? OperationOutcome.Ok : OperationOutcome.Fail }, isThere);
    }

    /// <param name="expected">Of <see cref="OperationKind.Replace"/>: the version that must be there.</param>
    public async Task<ApiAnswer> WriteAsync(Random random, OperationKind kind, string id, string? item, string value, string document, long? expected = null, int? ttlSeconds = null)
    {
        (string, string)[] condition = kind switch
        {
            OperationKind.Create => [("If-None-Match", "*")],
            OperationKind.Replace => [("If-Match", string.Create(CultureInfo.InvariantCulture, $"\"{expected}\""))],
            _ => [],
        };
        (string, string)[] ttl = ttlSeconds is { } seconds ? [("Item-TTL", seconds.ToString(CultureInfo.InvariantCulture))] : [];
        var operation = recorder.Invoke(kind, item, value, expected, ttlSeconds);
        var answer = await TimedAsync(kind, () => api.SendAsync(random, "PUT", PathOf(id), document, [.. condition, .. ttl]));
        recorder.Complete(operation, answer.Outcome, answer.IsRefused ? answer.CurrentVersion : answer.ETag, refused: answer.IsRefused, note: answer.Note);
        return answer;
    }

    public async Task<ApiAnswer> DeleteAsync(Random random, string id, string? item)
    {
        var operation = recorder.Invoke(OperationKind.Delete, item);
        var answer = await TimedAsync(OperationKind.Delete, () => api.SendAsync(random, "DELETE", PathOf(id), null));
        recorder.Complete(operation, answer.Outcome, note: answer.Note);
        return answer;
    }

    /// <summary>Reads all items of the partition: one page, so of one moment.</summary>
    /// <param name="seenOf">What is recorded of each.</param>
    /// <returns>Whether it was answered.</returns>
    public async Task<bool> ScanAsync(Random random, OperationKind kind, Func<JsonElement, string> seenOf)
    {
        var operation = recorder.Invoke(kind);
        var answer = await TimedAsync(kind, () => api.SendAsync(random, "GET", $"/v1/collections/{collection}/items/{key}?limit=1000", null));
        var isOk = answer.Status == 200;
        recorder.Complete(
            operation, isOk ? OperationOutcome.Ok : OperationOutcome.Fail, note: answer.Note,
            seen: isOk ? answer.Json(page => (IReadOnlyList<string>)[.. page.GetProperty("items").EnumerateArray().Select(seenOf)]) : null);
        return isOk;
    }

    public async Task<ApiAnswer> TransactAsync(Random random, OperationKind kind, string value, string body)
    {
        var operation = recorder.Invoke(kind, value: value);
        var answer = await TimedAsync(kind, () => api.SendAsync(random, "POST", "/v1:transact", body));
        recorder.Complete(operation, answer.Outcome, refused: answer.IsRefused, note: answer.Note);
        return answer;
    }

    private string PathOf(string id) => $"/v1/collections/{collection}/items/{key}/{id}";

    private async Task<ApiAnswer> TimedAsync(OperationKind kind, Func<Task<ApiAnswer>> call)
    {
        var began = System.Diagnostics.Stopwatch.GetTimestamp();
        var answer = await call();
        told(kind, answer, System.Diagnostics.Stopwatch.GetElapsedTime(began));
        return answer;
    }

    /// <summary>A collection that is not found is a wrong answer, not an absent item.</summary>
    private static bool IsNotFound(ApiAnswer answer) => answer.Status == 404 && answer.Body.AsSpan().IndexOf("item-not-found"u8) >= 0;
}
