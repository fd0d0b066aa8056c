// One request of each kind by openapi-fetch, with the types that openapi-typescript makes.
import assert from "node:assert/strict";
import createClient from "openapi-fetch";
import type { paths } from "./generated/fetch/schema.js";

// A filter is a query parameter of its own: f.lat=gte.65, not filters[f.lat]=gte.65.
const api = createClient<paths>({ baseUrl: process.argv[2]!, querySerializer: { object: { style: "form", explode: true } } });
const collection = `fetch-${Date.now()}`;
const item = { collection, pk: "a/b", id: "ö %2F" };

const created = await api.PUT("/v1/collections/{collection}", { params: { path: { collection } }, body: {} });
assert.equal(created.data?.name, collection);
const one = await api.GET("/v1/collections/{collection}", { params: { path: { collection } } });
assert.ok(one.data?.createdAt);
const all = await api.GET("/v1/collections");
assert.ok(all.data?.collections.some(each => each.name === collection));

const put = await api.PUT("/v1/collections/{collection}/items/{pk}/{id}", {
  params: { path: item, header: { "If-None-Match": "*", Prefer: "return=representation" } },
  body: { name: "Paris", stock: 3, tags: ["a"], at: { lat: 48.85 } },
});
assert.equal(put.response.status, 201);
assert.deepEqual(put.data?.tags, ["a"]);
const etag = put.response.headers.get("ETag")!;

const refused = await api.PUT("/v1/collections/{collection}/items/{pk}/{id}", { params: { path: item, header: { "If-None-Match": "*" } }, body: {} });
assert.equal(refused.error?.code, "precondition-failed");
assert.equal(refused.error.retryable, false);

const read = await api.GET("/v1/collections/{collection}/items/{pk}/{id}", { params: { path: item, header: { "Read-Consistency": "session" } } });
assert.equal(read.data?.name, "Paris");
assert.ok(read.response.headers.get("Session-Token"));
const head = await api.HEAD("/v1/collections/{collection}/items/{pk}/{id}", { params: { path: item } });
assert.equal(head.response.headers.get("ETag"), etag);

const merged = await api.PATCH("/v1/collections/{collection}/items/{pk}/{id}", {
  params: { path: item, header: { "If-Match": etag } },
  headers: { "Content-Type": "application/merge-patch+json" },
  body: { stock: 4, name: null },
});
assert.equal(merged.response.status, 200);
const patched = await api.PATCH("/v1/collections/{collection}/items/{pk}/{id}", {
  params: { path: item, header: { Prefer: "return=representation" } },
  headers: { "Content-Type": "application/json-patch+json" },
  body: [{ op: "test", path: "/stock", value: 4 }, { op: "add", path: "/tags/-", value: "b" }],
});
assert.deepEqual(patched.data, { stock: 4, tags: ["a", "b"], at: { lat: 48.85 } });

const counted = await api.PATCH("/v1/collections/{collection}/items/{pk}/{id}", {
  params: { path: item, header: { Prefer: "return=representation" } },
  headers: { "Content-Type": "application/vnd.sharding.increment+json" },
  body: { path: "stock", by: -4, min: 0 },
});
assert.equal(counted.data?.stock, 0);

const posted = await api.POST("/v1/collections/{collection}/items/{pk}", { params: { path: { collection, pk: item.pk } }, body: { stock: 9 } });
assert.equal(posted.response.status, 201);
const listed = await api.GET("/v1/collections/{collection}/items/{pk}", {
  params: { path: { collection, pk: item.pk }, query: { limit: 10, select: "stock", filters: { "f.stock": "gt.4" } } },
});
assert.deepEqual(listed.data?.items.map(each => each.doc), [{ stock: 9 }]);

const wrote = await api.POST("/v1/collections/{collection}:batchWrite", {
  params: { path: { collection } },
  body: { ops: [{ op: "put", pk: "p", id: "1", doc: { n: 1 } }, { op: "patch", pk: "p", id: "1", doc: { n: 2 } }, { op: "delete", pk: "p", id: "none" }] },
});
assert.deepEqual(wrote.data?.results.map(each => each.status), [201, 200, 404]);
const got = await api.POST("/v1/collections/{collection}:batchGet", { params: { path: { collection } }, body: { keys: [{ pk: "p", id: "1" }] } });
assert.deepEqual(got.data?.results[0]?.doc, { n: 2 });

const found = await api.POST("/v1/collections/{collection}:query", {
  params: { path: { collection } },
  body: { filter: { n: { gte: 2 } }, orderBy: [{ path: "n", dir: "desc" }], select: ["n"], limit: 1, allowScan: true, count: "none" },
});
assert.deepEqual(found.data?.items[0]?.doc, { n: 2 });
assert.equal(found.data?.fanOut.complete, true);
const number = await api.POST("/v1/collections/{collection}:count", { params: { path: { collection } }, body: { partition: "p", allowScan: false } });
assert.equal(number.data?.count, 1);
const about = await api.POST("/v1/collections/{collection}:count", { params: { path: { collection } }, body: { allowScan: false, count: "estimated" } });
assert.equal(about.data?.countKind, "estimated");
const scanned = await api.GET("/v1/collections/{collection}/items", {
  params: { path: { collection }, query: { scope: "all", segment: "1/1", limit: 1, select: "n" } },
});
assert.equal(scanned.data?.items.length, 1);
assert.equal(scanned.data.stopReason, "limit");
const index = await api.PUT("/v1/collections/{collection}/indexes/{index}", {
  params: { path: { collection, index: "by_n" } },
  body: { fields: [{ path: "n", type: "number", dir: "desc" }], unique: false },
});
assert.equal(index.data?.name, "by_n");
const sums = await api.POST("/v1/collections/{collection}:aggregate", {
  params: { path: { collection } },
  body: { partition: "p", groupBy: ["n"], aggregates: [{ op: "sum", path: "n", as: "sum" }], limit: 10, allowScan: false },
});
assert.equal(sums.data?.groups[0]?.["sum"], 2);

const transacted = await api.POST("/v1:transact", {
  body: { pk: "p", ops: [{ op: "check", collection, id: "1" }, { op: "increment", collection, id: "1", path: "n", by: 5, max: 9, return: true }] },
});
assert.deepEqual(transacted.data?.results[1]?.doc, { n: 7 });
const located = await api.POST("/v1:locate", { body: { pk: "p" } });
assert.ok(located.data && located.data.slot >= 0 && located.data.epoch >= 1);

const deleted = await api.DELETE("/v1/collections/{collection}/items/{pk}/{id}", { params: { path: item } });
assert.equal(deleted.response.status, 204);
const gone = await api.GET("/v1/collections/{collection}/items/{pk}/{id}", { params: { path: item } });
assert.equal(gone.error?.code, "item-not-found");
const partitions = await api.GET("/v1/collections/{collection}/partitions", { params: { path: { collection }, query: { prefix: "p" } } });
assert.deepEqual(partitions.data?.items.map(each => [each.pk, each.items]), [["p", 1]]);
const cleared = await api.DELETE("/v1/collections/{collection}/items/{pk}", { params: { path: { collection, pk: "p" } } });
assert.deepEqual(cleared.data, { deleted: 1, done: true });
const document = await api.GET("/openapi/v1.json");
assert.equal(document.data?.openapi, "3.1.0");
