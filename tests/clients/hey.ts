// One request of each kind by the client that @hey-api/openapi-ts makes.
import assert from "node:assert/strict";
import { client } from "./generated/hey/client.gen.js";
import * as api from "./generated/hey/index.js";
import type { JsonPatch, MergePatch } from "./generated/hey/index.js";

client.setConfig({ baseUrl: process.argv[2]! });
const collection = `hey-${Date.now()}`;
const path = { collection, pk: "a/b", id: "ö %2F" };

const created = await api.createCollection({ path: { collection }, body: {} });
assert.equal(created.data?.name, collection);
const one = await api.getCollection({ path: { collection } });
assert.ok(one.data?.createdAt);
const all = await api.listCollections();
assert.ok(all.data?.collections.some(each => each.name === collection));

const put = await api.putItem({
  path,
  headers: { "If-None-Match": "*", Prefer: "return=representation" },
  body: { name: "Paris", stock: 3, tags: ["a"], at: { lat: 48.85 } },
});
assert.equal(put.response?.status, 201);
assert.deepEqual(put.data?.tags, ["a"]);
const etag = put.response.headers.get("ETag")!;

const refused = await api.putItem({ path, headers: { "If-None-Match": "*" }, body: {} });
assert.equal(refused.error?.code, "precondition-failed");
assert.equal(refused.error.retryable, false);

const read = await api.getItem({ path, headers: { "Read-Consistency": "session" } });
assert.equal(read.data?.name, "Paris");
assert.ok(read.response?.headers.get("Session-Token"));
const head = await api.headItem({ path });
assert.equal(head.response?.headers.get("ETag"), etag);

const merged = await api.patchItem({ path, headers: { "If-Match": etag }, body: { stock: 4, name: null } });
assert.equal(merged.response?.status, 200);
// This generator takes the first media type of a body, which is the merge patch. A JSON Patch needs a header and a cast.
const jsonPatch: JsonPatch = [{ op: "test", path: "/stock", value: 4 }, { op: "add", path: "/tags/-", value: "b" }];
const patched = await api.patchItem({
  path,
  headers: { "Content-Type": "application/json-patch+json", Prefer: "return=representation" } as { Prefer: string },
  body: jsonPatch as unknown as MergePatch,
});
assert.deepEqual(patched.data, { stock: 4, tags: ["a", "b"], at: { lat: 48.85 } });

const counted = await api.patchItem({
  path,
  headers: { "Content-Type": "application/vnd.sharding.increment+json", Prefer: "return=representation" } as { Prefer: string },
  body: { path: "stock", by: -4, min: 0 },
});
assert.equal(counted.data?.stock, 0);

const posted = await api.postItem({ path: { collection, pk: path.pk }, body: { stock: 9 } });
assert.equal(posted.response?.status, 201);
const listed = await api.listPartition({ path: { collection, pk: path.pk }, query: { limit: 10, select: "stock", filters: { "f.stock": "gt.4" } } });
assert.deepEqual(listed.data?.items.map(each => each.doc), [{ stock: 9 }]);

const wrote = await api.batchWrite({
  path: { collection },
  body: { ops: [{ op: "put", pk: "p", id: "1", doc: { n: 1 } }, { op: "patch", pk: "p", id: "1", doc: { n: 2 } }, { op: "delete", pk: "p", id: "none" }] },
});
assert.deepEqual(wrote.data?.results.map(each => each.status), [201, 200, 404]);
const got = await api.batchGet({ path: { collection }, body: { keys: [{ pk: "p", id: "1" }] } });
assert.deepEqual(got.data?.results[0]?.doc, { n: 2 });

const found = await api.query({
  path: { collection },
  body: { filter: { n: { gte: 2 } }, orderBy: [{ path: "n", dir: "desc" }], select: ["n"], limit: 1, allowScan: true },
});
assert.deepEqual(found.data?.items[0]?.doc, { n: 2 });
const number = await api.count({ path: { collection }, body: { partition: "p" } });
assert.equal(Number(number.data?.count), 1);
const about = await api.count({ path: { collection }, body: { count: "estimated" } });
assert.equal(about.data?.countKind, "estimated");
const scanned = await api.scan({ path: { collection }, query: { scope: "all", segment: "1/1", limit: 1, select: "n" } });
assert.equal(scanned.data?.items.length, 1);
assert.equal(scanned.data?.stopReason, "limit");
const sums = await api.aggregate({ path: { collection }, body: { partition: "p", groupBy: ["n"], aggregates: [{ op: "sum", path: "n", as: "sum" }] } });
assert.equal(sums.data?.groups[0]?.["sum"], 2);

const transacted = await api.transact({
  body: { pk: "p", ops: [{ op: "check", collection, id: "1" }, { op: "increment", collection, id: "1", path: "n", by: 5, max: 9, return: true }] },
});
assert.deepEqual(transacted.data?.results[1]?.doc, { n: 7 });
const located = await api.locate({ body: { pk: "p" } });
assert.ok(located.data && located.data.slot >= 0 && located.data.epoch >= 1);

const deleted = await api.deleteItem({ path });
assert.equal(deleted.response?.status, 204);
const gone = await api.getItem({ path });
assert.equal(gone.error?.code, "item-not-found");
const partitions = await api.listPartitions({ path: { collection }, query: { prefix: "p" } });
assert.deepEqual(partitions.data?.items.map(each => [each.pk, each.items]), [["p", 1]]);
const cleared = await api.deletePartition({ path: { collection, pk: "p" } });
assert.deepEqual(cleared.data, { deleted: 1, done: true });
const document = await api.getOpenApi();
assert.equal(document.data?.openapi, "3.1.0");
