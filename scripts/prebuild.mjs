// Puts the release build of the addon where the published package looks for it.
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const source = join(root, 'build', 'Release', 'tidemerge.node');
const folder = join(root, 'prebuilds', `${process.platform}-${process.arch}`);
const target = join(folder, 'tidemerge.node');

rmSync(join(root, 'prebuilds'), { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
copyFileSync(source, target);
if (process.platform === 'linux') execFileSync('strip', ['--strip-unneeded', target]);
console.log(`${target}: ${statSync(target).size} bytes`);
