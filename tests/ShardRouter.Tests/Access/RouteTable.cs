namespace ShardRouter.Tests.Access;

/// <summary>Who may use which route, and what the others hear: the one place where that is written down for the tests.</summary>
/// <param name="Route">Method and pattern, as the program maps it.</param>
/// <param name="Scopes">One of them is enough; empty: everybody may, also without a key.</param>
/// <param name="Own">The answer to a caller who may use the partition and the collection.</param>
/// <param name="OtherPartition">To one who may not use the partition.</param>
/// <param name="OtherCollection">To one who may not use the collection.</param>
/// <param name="Address">A request for partition t1:a of collection COLLECTION.</param>
public sealed record RouteRow(string Route, string[] Scopes, int Own, int OtherPartition, int OtherCollection, string Address, string? Body = null, string MediaType = "application/json")
{
    public override string ToString() => Route;
}

public static class RouteTable
{
    private const string Items = "/v1/collections/COLLECTION/items/t1%3Aa";
    private static readonly string[] Read = ["items:read"];
    private static readonly string[] Write = ["items:write"];
    private static readonly string[] Scan = ["items:scan"];
    private static readonly string[] Knowing = ["items:read", "items:scan", "changes", "collections:admin"];

    public static IReadOnlyList<RouteRow> Rows { get; } =
    [
        new("GET /v1/collections/{collection}/items/{pk}/{id}", Read, 200, 404, 404, Items + "/i"),
        new("HEAD /v1/collections/{collection}/items/{pk}/{id}", Read, 200, 404, 404, Items + "/i"),
        new("PUT /v1/collections/{collection}/items/{pk}/{id}", Write, 200, 403, 404, Items + "/i", """{"written":true}"""),
        new("PATCH /v1/collections/{collection}/items/{pk}/{id}", Write, 200, 404, 404, Items + "/i", """{"written":true}""", "application/merge-patch+json"),
        new("DELETE /v1/collections/{collection}/items/{pk}/{id}", Write, 204, 404, 404, Items + "/i"),
        new("POST /v1/collections/{collection}/items/{pk}", Write, 201, 403, 404, Items, """{"written":true}"""),
        new("GET /v1/collections/{collection}/items/{pk}", Read, 200, 200, 404, Items),
        new("DELETE /v1/collections/{collection}/items/{pk}", Write, 200, 200, 404, Items),
        new("GET /v1/collections/{collection}/partitions", ["items:scan"], 200, 200, 404, "/v1/collections/COLLECTION/partitions"),
        new("POST /v1/collections/{collection}:batchGet", Read, 200, 207, 404, "/v1/collections/COLLECTION:batchGet", """{"keys":[{"pk":"t1:a","id":"i"}]}"""),
        new("POST /v1/collections/{collection}:batchWrite", Write, 200, 207, 404, "/v1/collections/COLLECTION:batchWrite", """{"ops":[{"op":"put","pk":"t1:a","id":"i","doc":{"written":true}}]}"""),
        new("POST /v1/collections/{collection}:query", Scan, 200, 200, 404, "/v1/collections/COLLECTION:query", """{"partition":"t1:a"}"""),
        new("QUERY /v1/collections/{collection}/items", Scan, 200, 200, 404, "/v1/collections/COLLECTION/items", """{"partition":"t1:a"}"""),
        new("GET /v1/collections/{collection}/items", Scan, 200, 200, 404, "/v1/collections/COLLECTION/items?scope=all"),
        new("POST /v1/collections/{collection}:count", Scan, 200, 200, 404, "/v1/collections/COLLECTION:count", """{"partition":"t1:a"}"""),
        new("POST /v1/collections/{collection}:aggregate", Scan, 200, 200, 404, "/v1/collections/COLLECTION:aggregate", """{"partition":"t1:a","aggregates":[{"op":"count"}]}"""),
        new("POST /v1:transact", Write, 200, 403, 404, "/v1:transact", """{"pk":"t1:a","ops":[{"op":"put","collection":"COLLECTION","id":"i","doc":{"written":true}}]}"""),
        new("POST /v1:locate", Read, 200, 403, 200, "/v1:locate", """{"pk":"t1:a"}"""),
        new("PUT /v1/collections/{collection}", ["collections:admin"], 200, 200, 403, "/v1/collections/COLLECTION"),
        new("GET /v1/collections/{collection}", Knowing, 200, 200, 404, "/v1/collections/COLLECTION"),
        new("GET /v1/collections/{collection}/indexes", Knowing, 200, 200, 404, "/v1/collections/COLLECTION/indexes"),
        new("PUT /v1/collections/{collection}/indexes/{index}", ["collections:admin"], 202, 202, 404, "/v1/collections/COLLECTION/indexes/by_n", """{"fields":[{"path":"n"}]}"""),
        new("GET /v1/collections/{collection}/indexes/{index}", Knowing, 404, 404, 404, "/v1/collections/COLLECTION/indexes/none"),
        new("DELETE /v1/collections/{collection}/indexes/{index}", ["collections:admin"], 404, 404, 404, "/v1/collections/COLLECTION/indexes/none"),
        new("GET /v1/collections", Knowing, 200, 200, 200, "/v1/collections"),
        new("GET /openapi/v1.json", [], 200, 200, 200, "/openapi/v1.json"),
    ];
}
