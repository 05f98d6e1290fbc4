// Builds page.js, page.css and notices.txt into the directory that is named.
import { build } from 'esbuild';
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const out = process.argv[2] ?? 'dist';
const result = await build({
  entryPoints: { page: 'src/main.js' },
  outdir: out,
  bundle: true,
  minify: true,
  format: 'iife',
  target: 'es2022',
  charset: 'utf8',
  legalComments: 'none', // they are in notices.txt
  metafile: true,
  write: false,
});

// What stands in these elements must not end them.
for (const { path, text } of result.outputFiles) {
  if (/<\/(script|style)|<!--|\{\{/i.test(text)) throw new Error(`${path} holds what a page cannot`);
}

// Every package of which the bundle has code, with the text of its licence. Equal
// texts, copyright lines aside, are given once.
const packages = new Set();
for (const path of Object.keys(result.metafile.inputs)) {
  const at = path.lastIndexOf('node_modules/');
  if (at >= 0) packages.add(path.slice(at + 'node_modules/'.length).match(/^(@[^/]+\/)?[^/]+/)[0]);
}
const licences = new Map();
for (const name of [...packages].sort()) {
  const dir = join('node_modules', name);
  const { version, license } = JSON.parse(readFileSync(join(dir, 'package.json'), 'utf8'));
  if (!['ISC', 'BSD-3-Clause', 'MIT', 'Apache-2.0'].includes(license)) throw new Error(`${name}: licence ${license}`);
  if (existsSync(join(dir, 'NOTICE'))) throw new Error(`${name} has a NOTICE, which must be given too`);
  const file = readdirSync(dir).find((f) => /^licen[cs]e(\.|$)/i.test(f));
  const lines = readFileSync(join(dir, file), 'utf8').replaceAll('\r', '').trim().split('\n');
  const copyright = lines.filter((l) => /^Copyright /.test(l));
  const text = lines.filter((l) => !/^Copyright /.test(l)).join('\n').trim();
  if (!licences.has(text)) licences.set(text, []);
  licences.get(text).push([`${name} ${version} (${license})`, ...copyright.map((l) => `  ${l}`)].join('\n'));
}
let notices = 'The script of the page holds code of these packages, under these licences.\n';
for (const [text, of] of licences) notices += `\n${'-'.repeat(72)}\n${of.join('\n')}\n\n${text}\n`;

mkdirSync(out, { recursive: true });
for (const { path, text } of result.outputFiles) writeFileSync(path, text);
writeFileSync(join(out, 'notices.txt'), notices);
