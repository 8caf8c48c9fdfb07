// Holds the lists of instruction sets together: native/sources.json, the targets of binding.gyp, and the list in
// native/cpu/instruction_sets.h. CMake builds its list from sources.json; it may not name a set itself. Also: every C++
// source is in sources.json exactly once, and every path there exists.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const native = join(root, 'native');
const read = (path) => readFileSync(join(root, path), 'utf8');
const table = JSON.parse(read('native/sources.json'));
const problems = [];

function expectSame(where, actual, expected) {
  const text = (names) => [...names].sort().join(', ');
  if (text(actual) !== text(expected)) {
    problems.push(
      `${where}: expected the sets of native/sources.json (${text(expected)}), got ${text(actual) || 'none'}`,
    );
  }
}

function setsOfGyp(arch) {
  // A gyp file is JSON with comments as long as it is written in double quotes.
  const gyp = JSON.parse(read('binding.gyp').replace(/^\s*#.*$/gm, ''));
  const of = (conditions) => conditions.find(([condition]) => condition === `target_arch=='${arch}'`)?.[1];
  const names = (of(gyp.conditions)?.targets ?? []).map((target) => {
    if (target.target_name !== `kernels_${target.variables.set}`) {
      problems.push(`binding.gyp: target ${target.target_name} compiles the set ${target.variables.set}`);
    }
    return target.variables.set;
  });
  const linked = (of(gyp.targets[0].conditions)?.dependencies ?? []).map((name) => name.replace(/^kernels_/, ''));
  expectSame(`binding.gyp: dependencies of the addon, ${arch}`, linked, names);
  return names;
}

function setsOfHeader(arch) {
  const macro = { x64: '__x86_64__', arm64: '__aarch64__' }[arch];
  const header = read('native/cpu/instruction_sets.h').replace(/\\\n/g, ' ');
  const branch = header.match(
    new RegExp(`if defined\\(${macro}\\)\\s*#define TIDEMERGE_FOR_EACH_SET\\(SET\\)([^\\n]*)`),
  );
  return [...(branch?.[1] ?? '').matchAll(/SET\((\w+)\)/g)].map((match) => match[1]);
}

for (const [arch, sets] of Object.entries(table.sets)) {
  const expected = Object.keys(sets);
  expectSame(`binding.gyp: targets, ${arch}`, setsOfGyp(arch), expected);
  expectSame(`native/cpu/instruction_sets.h: TIDEMERGE_FOR_EACH_SET, ${arch}`, setsOfHeader(arch), expected);
  for (const path of ['CMakeLists.txt', ...readdirSync(join(root, 'cmake')).map((name) => `cmake/${name}`)]) {
    const code = read(path).replace(/#.*$/gm, '');
    for (const name of expected) {
      if (new RegExp(`\\b${name}\\b`).test(code))
        problems.push(`${path}: names the set ${name} instead of reading native/sources.json`);
    }
  }
}

const sourceKeys = ['kernels', 'core', 'addon', 'tests', 'benches', 'testKernels', 'testSupport', 'benchSupport'];
const listed = new Set();
for (const key of sourceKeys) {
  const seen = new Set();
  for (const path of table[key]) {
    if (!existsSync(join(native, path))) problems.push(`native/sources.json: ${key}: no such file: ${path}`);
    if (seen.has(path)) problems.push(`native/sources.json: ${key}: twice: ${path}`);
    seen.add(path);
    listed.add(path);
  }
}
for (const entry of readdirSync(native, { withFileTypes: true, recursive: true })) {
  if (!entry.isFile() || !entry.name.endsWith('.cc')) continue;
  const path = relative(native, join(entry.parentPath, entry.name)).replaceAll('\\', '/');
  if (!listed.has(path)) problems.push(`native/sources.json: not listed: ${path}`);
}

for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exit(1);
console.log(
  `check-sets: ${Object.entries(table.sets)
    .map(([arch, sets]) => `${arch}: ${Object.keys(sets).join(' ')}`)
    .join('; ')}`,
);
