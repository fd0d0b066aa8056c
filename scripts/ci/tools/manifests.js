// Checks manifests for Kubernetes: against its schemas (kubernetes-models), and for fields that it does not know. For the latter each
// object becomes a TypeScript literal of its kind's type, in generated/, which tsc refuses when it has a member too many.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { parseAllDocuments } from "yaml";

const [root, version] = process.argv.slice(2);
const generated = new URL("generated/", import.meta.url);
rmSync(generated, { recursive: true, force: true });
mkdirSync(generated);

let objects = 0;
let failed = false;
const fail = (file, what) => { failed = true; console.error(`${file}: ${what}`); };
const source = [];
for (const file of readdirSync(root, { recursive: true }).filter(name => name.endsWith(".yaml")).sort()) {
  for (const document of parseAllDocuments(readFileSync(`${root}/${file}`, "utf8"))) {
    const object = document.toJS();
    for (const error of document.errors) fail(file, error.message);
    if (object.apiVersion.startsWith("kustomize.config.k8s.io/")) {
      for (const image of object.images ?? []) if (image.newTag !== version) fail(file, `the image is ${image.newTag}, and the version ${version}`);
      continue;
    }
    const module = `kubernetes-models/${object.apiVersion}/${object.kind}`;
    try {
      new (await import(module))[object.kind](object).validate();
    } catch (error) {
      fail(file, `${object.kind} ${object.metadata?.name}: ${error.message}`);
    }
    objects++;
    source.push(`// ${file}`, `import type { I${object.kind} as T${objects} } from "${module}";`, `export const o${objects}: T${objects} = ${JSON.stringify(object, null, 2)};`);
  }
}
writeFileSync(new URL("objects.ts", generated), source.join("\n"));
console.log(`${objects} objects for Kubernetes`);
process.exit(failed || objects === 0 ? 1 : 0);
