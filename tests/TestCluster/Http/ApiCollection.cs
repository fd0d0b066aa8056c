using System.Globalization;

namespace TestCluster;

/// <summary>One collection over HTTP, by keys that are not encoded yet.</summary>
public sealed class ApiCollection(ApiClient api, string name)
{
    private static int _count;

    public string Name => name;

    public ApiClient Api => api;

    /// <summary><c>/v1/collections/{name}</c></summary>
    public string Address => "/v1/collections/" + name;

    /// <summary>A new one, with a name of its own.</summary>
    public static async Task<ApiCollection> CreateAsync(ApiClient api)
    {
        var collection = new ApiCollection(api, string.Create(CultureInfo.InvariantCulture, $"c{Interlocked.Increment(ref _count)}"));
        await Eventually.ThatAsync(
            async () => (await api.SendAsync("PUT", collection.Address, null)).Status is 200 or 201, TimeSpan.FromSeconds(10), "all shards know the collection");
        return collection;
    }

    /// <param name="fields">As JSON: <c>[{"path":"total","dir":"desc"}]</c>.</param>
    public Task<ApiReply> IndexAsync(string index, string fields, bool unique = false) => api.PutAsync(
        $"{Address}/indexes/{index}", $$"""{"fields":{{fields}},"unique":{{(unique ? "\"partition\"" : "false")}}}""");

    /// <summary>The key as one path segment; dots are encoded too, so that no client or proxy takes <c>..</c> for a folder.</summary>
    public static string Encode(string key) => Uri.EscapeDataString(key).Replace(".", "%2E", StringComparison.Ordinal);

    public string AddressOf(string pk) => $"{Address}/items/{Encode(pk)}";

    public string AddressOf(string pk, string id) => $"{AddressOf(pk)}/{Encode(id)}";

    public Task<ApiReply> GetAsync(string pk, string id, params (string Name, string Value)[] headers) => api.GetAsync(AddressOf(pk, id), headers);

    public Task<ApiReply> HeadAsync(string pk, string id, params (string Name, string Value)[] headers) => api.SendAsync("HEAD", AddressOf(pk, id), null, headers);

    public Task<ApiReply> PutAsync(string pk, string id, string json, params (string Name, string Value)[] headers) => api.PutAsync(AddressOf(pk, id), json, headers);

    public Task<ApiReply> PostAsync(string pk, string json, params (string Name, string Value)[] headers) => api.PostAsync(AddressOf(pk), json, headers);

    public Task<ApiReply> DeleteAsync(string pk, string id, params (string Name, string Value)[] headers) => api.SendAsync("DELETE", AddressOf(pk, id), null, headers);

    public Task<ApiReply> MergePatchAsync(string pk, string id, string json, params (string Name, string Value)[] headers) =>
        api.SendJsonAsync("PATCH", AddressOf(pk, id), json, [.. headers, ("Content-Type", "application/merge-patch+json")]);

    public Task<ApiReply> JsonPatchAsync(string pk, string id, string json, params (string Name, string Value)[] headers) =>
        api.SendJsonAsync("PATCH", AddressOf(pk, id), json, [.. headers, ("Content-Type", "application/json-patch+json")]);

    public Task<ApiReply> IncrementAsync(string pk, string id, string json, params (string Name, string Value)[] headers) =>
        api.SendJsonAsync("PATCH", AddressOf(pk, id), json, [.. headers, ("Content-Type", "application/vnd.sharding.increment+json")]);

    /// <param name="query">Without the question mark, percent-encoded.</param>
    public Task<ApiReply> ListAsync(string pk, string query = "") => api.GetAsync(AddressOf(pk) + (query.Length == 0 ? "" : "?" + query));

    public Task<ApiReply> BatchGetAsync(string json) => api.PostAsync(Address + ":batchGet", json);

    public Task<ApiReply> BatchWriteAsync(string json) => api.PostAsync(Address + ":batchWrite", json);
}
