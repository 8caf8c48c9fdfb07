import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findAddon, loadAddon } from '../../lib/backend/loader.js';
import { instructionSets } from '../../lib/backend/native.js';

let root: string;
const real = loadAddon().path;
const prebuilt = `prebuilds/${process.platform}-${process.arch}`;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'tidemerge-loader-'));
});
afterEach(() => rmSync(root, { recursive: true }));

function place(folder: string, content?: string): string {
  mkdirSync(join(root, folder), { recursive: true });
  const path = join(root, folder, 'tidemerge.node');
  if (content === undefined) copyFileSync(real, path);
  else writeFileSync(path, content);
  return path;
}

describe('the loader', () => {
  it('takes the local build before the prebuilt one', () => {
    const prebuild = place(prebuilt);
    expect(findAddon({ root, override: undefined }).loaded?.path).toBe(prebuild);
    const build = place('build/Release');
    const result = findAddon({ root, override: undefined });
    expect(result.loaded?.path).toBe(build);
    expect(result.attempts.map(({ outcome }) => outcome)).toEqual([
      'not set',
      'loaded',
      'not tried, another was found first',
    ]);
  });

  it('takes TIDEMERGE_ADDON before all, and nothing else when it fails', () => {
    const forced = place('elsewhere');
    place('build/Release');
    expect(findAddon({ root, override: forced }).loaded?.path).toBe(forced);
    const result = findAddon({ root, override: join(root, 'missing.node') });
    expect(result.loaded).toBeUndefined();
    expect(result.attempts.map(({ outcome }) => outcome)).toEqual([
      'no such file',
      'not tried, TIDEMERGE_ADDON is set',
      'not tried, TIDEMERGE_ADDON is set',
    ]);
  });

  it('goes on after a file that is no addon', () => {
    place('build/Release', 'not an addon');
    const prebuild = place(prebuilt);
    const result = findAddon({ root, override: undefined });
    expect(result.loaded?.path).toBe(prebuild);
    expect(result.attempts[1]?.outcome).not.toBe('loaded');
  });

  it('says what happened at each place and what to do', () => {
    place('build/Release', 'not an addon');
    const result = findAddon({ root, override: '' });
    if (result.loaded) throw new Error('found one');
    expect(result.error).toMatchObject({ name: 'TidemergeError', code: 'ERR_ADDON_NOT_FOUND' });
    const { message } = result.error;
    for (const part of [
      'TIDEMERGE_ADDON: not set',
      join(root, 'build/Release/tidemerge.node: '),
      join(root, prebuilt, 'tidemerge.node: no such file'),
      'npm run build:addon',
      'reinstall',
    ]) {
      expect(message).toContain(part);
    }
  });
});

describe('the loaded addon', () => {
  it('tells what doctor wants to know', () => {
    const { addon, path } = loadAddon();
    expect(path).toMatch(/\.node$/);
    expect(addon.features().length).toBeGreaterThan(0);
    expect(addon.defaultThreads()).toBeGreaterThanOrEqual(1);
    expect(addon.compiler).not.toBe('');
    const { compiled, supported } = instructionSets();
    expect(compiled.length).toBeGreaterThan(0);
    expect(supported.length).toBeGreaterThan(0);
    expect(compiled).toEqual(expect.arrayContaining(supported));
    const context = addon.createContext({});
    expect(addon.contextInfo(context)).toMatchObject({ threads: addon.defaultThreads() });
    addon.dispose(context);
  });
});
