// Proves that no code of one instruction set can be linked into another's place: an object of a kernel source defines
// exactly one global symbol, its table in tidemerge::<set>::, and no weak one, and calls nothing but plain C.
//
//   node scripts/check-symbols.mjs <build>    the objects of a CMake build directory
//   node scripts/check-symbols.mjs            compiles the kernels itself, with the flags of native/sources.json
//   node scripts/check-symbols.mjs --o0       the same without optimisation, where nothing is inlined away
import { execFile, execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const native = join(root, 'native');
const table = JSON.parse(readFileSync(join(native, 'sources.json'), 'utf8'));
const arch = process.arch;
const sets = table.sets[arch];
if (sets === undefined) throw new Error(`check-symbols: no instruction sets for ${arch}`);

// What compilers call on their own account, and what sanitized or position-independent code refers to.
const allowedCalls = new Set([
  'memcpy',
  'memmove',
  'memset',
  'memcmp',
  'sqrtf',
  '_GLOBAL_OFFSET_TABLE_',
  '__stack_chk_fail',
]);
const problems = [];
let checked = 0;

function check(object, source, set) {
  checked += 1;
  const where = `${source} [${set}]`;
  const prefix = `tidemerge::${set}::`;
  const tables = [];
  const output = execFileSync('nm', ['-C', object], { encoding: 'utf8' });
  for (const line of output.split('\n').filter(Boolean)) {
    const [, type, name] = line.match(/^[0-9a-f]*\s+(\w) (.*)$/i) ?? [];
    if (type === undefined) continue;
    const plain = name.replace(/^_(?=[a-z])/, '');
    if ('WwVvu'.includes(type)) problems.push(`${where}: weak symbol: ${name}`);
    else if (type === 'U') {
      if (!name.startsWith(prefix) && !allowedCalls.has(name) && !allowedCalls.has(plain))
        problems.push(`${where}: refers to ${name}`);
    } else if (type === type.toUpperCase()) {
      if (name.startsWith(prefix)) tables.push(name);
      else problems.push(`${where}: global symbol outside ${prefix}: ${name}`);
    }
  }
  if (tables.length !== 1)
    problems.push(`${where}: expected one table in ${prefix}, got ${tables.join(', ') || 'none'}`);
}

function checkBuild(build) {
  for (const set of Object.keys(sets)) {
    for (const source of table.kernels) {
      const object = join(build, 'CMakeFiles', `tidemerge_kernels_${set}.dir`, 'native', `${source}.o`);
      if (existsSync(object)) check(object, source, set);
      else problems.push(`${source} [${set}]: not built: ${object}`);
    }
  }
}

async function checkCompiled(optimised) {
  const folder = mkdtempSync(join(tmpdir(), 'tidemerge-symbols-'));
  const compiler = process.env.CXX ?? 'c++';
  const common = [
    '-std=c++17',
    '-fPIC',
    '-w',
    '-I',
    native,
    ...table.kernelFlags.filter((flag) => optimised || !flag.startsWith('-O')),
  ];
  if (!optimised) common.push('-O0');
  const jobs = Object.entries(sets).flatMap(([set, { flags }]) =>
    table.kernels.map((source) => ({ set, flags, source, object: join(folder, `${set}-${basename(source)}.o`) })),
  );
  const waiting = jobs.values();
  // Every worker takes from the same iterator.
  const compileAll = async () => {
    for (const { set, flags, source, object } of waiting) {
      const what = [`-DTIDEMERGE_SET=${set}`, '-c', join(native, source), '-o', object];
      await promisify(execFile)(compiler, [...common, ...flags, ...what]);
    }
  };
  try {
    await Promise.all(Array.from({ length: availableParallelism() }, compileAll));
    for (const { object, source, set } of jobs) check(object, source, set);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const argument = process.argv[2];
if (argument === undefined || argument === '--o0') await checkCompiled(argument === undefined);
else if (existsSync(argument) && readdirSync(argument).length > 0) checkBuild(argument);
else throw new Error(`check-symbols: expected --o0 or a build directory, got ${argument}`);

for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exit(1);
console.log(`check-symbols: ${checked} objects, one table each`);
