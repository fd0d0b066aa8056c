using System.Globalization;
using System.Text.Json;
using Chaos.Recording;

namespace Chaos.Workloads;

/// <summary>The API's operations on one partition. It records the beginning and the end of each.</summary>
/// <param name="collection">The items' collection.</param>
/// <param name="key">The partition.</param>
internal sealed class ItemCalls(ApiCaller api, PartitionRecorder recorder, Action<OperationKind, ApiAnswer, TimeSpan> told, string collection, string key)
{
    public ApiCaller Api => api;

    public string Collection => collection;

    public string Key => key;

    public async Task<(ApiAnswer Answer, bool IsThere)> ReadAsync(Random random, ItemView view)
    {
        var operation = BeginRead(view);
        return EndRead(operation, view, await TimedAsync(OperationKind.Read, () => api.SendAsync(random, "GET", PathOf(view.Id), null)));
    }

    public long BeginRead(ItemView view) => recorder.Invoke(OperationKind.Read, view.Item);

    /// <returns>The answer of a read: an item that does not exist is a right answer too.</returns>
    public (ApiAnswer Answer, bool IsThere) EndRead(long operation, ItemView view, ApiAnswer answer)
    {
        var isThere = answer.Status == 200;
        var outcome = isThere || answer.IsItemNotFound ? OperationOutcome.Ok : OperationOutcome.Fail;
        recorder.Complete(
            operation, outcome, answer.ETag, value: isThere && view.ValueOf is not null ? answer.Json(view.ValueOf) : null,
            seen: isThere && view.SeenOf is not null ? answer.Json(view.SeenOf) : null, note: answer.Note);
        return (answer with { Outcome = outcome }, isThere);
    }

    /// <param name="item">The item's name in the recording; null for a partition with one item.</param>
    /// <param name="expected">The version that the item must have, for kinds of writes with such a condition.</param>
    public async Task<ApiAnswer> WriteAsync(
        Random random, OperationKind kind, string id, string? item, string value, string document, long? expected = null, int? ttlSeconds = null)
    {
        (string, string)[] ttl = ttlSeconds is { } seconds ? [("Item-TTL", seconds.ToString(CultureInfo.InvariantCulture))] : [];
        var operation = recorder.Invoke(kind, item, value, expected, ttlSeconds);
        var method = kind == OperationKind.Patch ? "PATCH" : "PUT";
        var answer = await TimedAsync(kind, () => api.SendAsync(random, method, PathOf(id), document, [.. ConditionOf(kind, expected), .. ttl]));
        EndWrite(operation, answer);
        return answer;
    }

    public async Task<ApiAnswer> DeleteAsync(Random random, string id, string? item, long? expected = null)
    {
        var operation = recorder.Invoke(OperationKind.Delete, item, expected: expected);
        var answer = await TimedAsync(
            OperationKind.Delete, () => api.SendAsync(random, "DELETE", PathOf(id), null, ConditionOf(OperationKind.Delete, expected)));
        EndWrite(operation, answer);
        return answer;
    }

    public long BeginInsert(ItemInsert insert) => recorder.Invoke(OperationKind.Create, insert.Item, insert.Item, ttlSeconds: insert.TtlSeconds);

    /// <summary>If a condition does not hold, the answer names the present version; if the item does not exist, it names none.</summary>
    public void EndWrite(long operation, ApiAnswer answer)
    {
        var isRefused = answer.IsRefused || answer.IsItemNotFound;
        recorder.Complete(operation, answer.Outcome, isRefused ? answer.CurrentVersion : answer.ETag, refused: isRefused, note: answer.Note);
    }

    /// <summary>Reads all items of the partition in one page, which shows one moment.</summary>
    /// <param name="seenOf">Returns the text that is recorded for an item.</param>
    /// <returns>Whether the read was answered.</returns>
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

    /// <param name="foundNothing">Whether a refusal says that the items do not exist; this is recorded as an empty list.</param>
    public async Task<ApiAnswer> TransactAsync(Random random, OperationKind kind, string value, string body, Func<ApiAnswer, bool> foundNothing)
    {
        var operation = recorder.Invoke(kind, value: value);
        var answer = await TimedAsync(kind, () => api.SendAsync(random, "POST", "/v1:transact", body));
        recorder.Complete(
            operation, answer.Outcome, refused: answer.IsRefused, seen: answer.IsRefused && foundNothing(answer) ? [] : null, note: answer.Note);
        return answer;
    }

    /// <summary>Runs a request, and adds it and its time to the tally.</summary>
    public async Task<ApiAnswer> TimedAsync(OperationKind kind, Func<Task<ApiAnswer>> call)
    {
        var began = System.Diagnostics.Stopwatch.GetTimestamp();
        var answer = await call();
        told(kind, answer, System.Diagnostics.Stopwatch.GetElapsedTime(began));
        return answer;
    }

    private string PathOf(string id) => $"/v1/collections/{collection}/items/{key}/{id}";

    private static (string, string)[] ConditionOf(OperationKind kind, long? expected) =>
        kind == OperationKind.Create ? [("If-None-Match", "*")]
        : expected is { } version ? [("If-Match", string.Create(CultureInfo.InvariantCulture, $"\"{version}\""))]
        : [];
}
