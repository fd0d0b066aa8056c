// Fetches the document from a running router into generated/openapi.json, and checks it with swagger-parser.
import { mkdir, rm, writeFile } from "node:fs/promises";
import SwaggerParser from "@apidevtools/swagger-parser";

await rm("generated", { recursive: true, force: true });
await mkdir("generated");
const answer = await fetch(new URL("/openapi/v1.json", process.argv[2]));
if (!answer.ok) throw new Error(`${answer.url} answers ${answer.status}`);
await writeFile("generated/openapi.json", Buffer.from(await answer.arrayBuffer()));
await SwaggerParser.validate("generated/openapi.json");
