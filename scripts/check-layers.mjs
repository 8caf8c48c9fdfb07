// Enforces the direction of imports that ARCHITECTURE.md draws, in TypeScript and in C++.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

// Each folder may import itself and the folders listed for it.
const typescript = {
  errors: [],
  tensor: ['errors'],
  io: ['errors', 'tensor'],
  analysis: ['errors', 'tensor', 'ops'],
  backend: ['errors', 'tensor'],
  ops: ['errors', 'tensor', 'backend'],
  layers: ['errors', 'tensor', 'backend', 'ops'],
  merging: ['errors', 'tensor', 'backend', 'ops', 'io'],
  models: ['errors', 'tensor', 'backend', 'ops', 'layers', 'merging', 'io', 'analysis'],
  tasks: ['errors', 'tensor', 'backend', 'ops', 'layers', 'merging', 'io', 'analysis', 'models'],
  cli: ['errors', 'tensor', 'backend', 'ops', 'merging', 'io', 'analysis', 'models', 'tasks'],
};
const native = {
  base: [],
  cpu: ['base'],
  simd: ['base', 'cpu'],
  kernels: ['base', 'cpu', 'simd'],
  runtime: ['base', 'cpu', 'kernels'],
  ops: ['base', 'cpu', 'kernels', 'runtime'],
  program: ['base', 'kernels', 'runtime', 'ops'],
  addon: ['base', 'cpu', 'kernels', 'runtime', 'ops', 'program'],
};
const problems = [];

function* files(folder, endings) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* files(path, endings);
    else if (endings.some((ending) => entry.name.endsWith(ending))) yield path;
  }
}

function check(path, layer, target, line) {
  if (layer === target || typescript[layer]?.includes(target)) return;
  problems.push(`${relative(root, path)}:${line}: ${layer} may not import ${target}`);
}

const layerOf = (path, base) => {
  const [first] = relative(base, path).split('/');
  return first.replace(/\.ts$/, '');
};

const lib = join(root, 'lib');
for (const path of files(lib, ['.ts'])) {
  const layer = layerOf(path, lib);
  if (layer === 'index') continue; // the public door imports what it exports
  if (!(layer in typescript)) problems.push(`${relative(root, path)}: lib/${layer} is in no layer`);
  readFileSync(path, 'utf8')
    .split('\n')
    .forEach((text, index) => {
      const match = /(?:from|import)\s*\(?\s*'([^']+)'/.exec(text);
      if (!match) return;
      const [, specifier] = match;
      if (specifier.startsWith('.')) {
        check(path, layer, layerOf(normalize(join(dirname(path), specifier.replace(/\.js$/, '.ts'))), lib), index + 1);
      } else if (!specifier.startsWith('node:') && layer !== 'cli') {
        problems.push(
          `${relative(root, path)}:${index + 1}: the library imports nothing at run time, found '${specifier}'`,
        );
      }
    });
}

// What ships is what sources.json lists for the addon, and every header that is reached from there.
const nativeRoot = join(root, 'native');
const { kernels, core, addon } = JSON.parse(readFileSync(join(nativeRoot, 'sources.json'), 'utf8'));
const shipped = new Set([...kernels, ...core, ...addon]);

for (const name of shipped) {
  const text = readFileSync(join(nativeRoot, name), 'utf8');
  const layer = name.split('/')[0];
  if (!(layer in native)) problems.push(`native/${name}: native/${layer} is in no layer`);
  if (/#include [<"](napi|node_api)/.test(text) && layer !== 'addon') {
    problems.push(`native/${name}: only native/addon may include Node's headers`);
  }
  for (const [, header] of text.matchAll(/^#include "([a-z0-9_/]+\.h)"/gm)) {
    const target = header.split('/')[0];
    if (target !== layer && !native[layer]?.includes(target)) {
      problems.push(`native/${name}: ${layer} may not import ${header}`);
    } else shipped.add(header);
  }
}

if (problems.length > 0) {
  console.error(problems.join('\n'));
  process.exit(1);
}
console.log('layers: every import points downwards');
