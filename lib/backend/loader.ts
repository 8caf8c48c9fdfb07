import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { isAbsolute, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { TidemergeError } from '../errors.js';
import { type Addon, INTERFACE_VERSION } from './addon.js';

/** One place the addon was looked for, and what happened there. */
export interface LoadAttempt {
  readonly from: 'TIDEMERGE_ADDON' | 'build' | 'prebuild';
  /** Undefined only when TIDEMERGE_ADDON is not set. */
  readonly path: string | undefined;
  readonly outcome: string;
}

export interface LoadedAddon {
  readonly addon: Addon;
  readonly path: string;
}

/** Where the addon is looked for: package root, environment. Tests give their own. */
export interface LoadOptions {
  readonly root: string;
  readonly override: string | undefined;
}

/** The addon in use, or an error and what was tried. */
export type LoadResult =
  | { readonly loaded: LoadedAddon; readonly attempts: readonly LoadAttempt[] }
  | { readonly loaded?: undefined; readonly error: TidemergeError; readonly attempts: readonly LoadAttempt[] };

const load = createRequire(import.meta.url);
let known: LoadedAddon | undefined;

/**
 * The native addon, loaded once. Looked for at the path in TIDEMERGE_ADDON, in build/Release and in
 * prebuilds/<platform>-<arch> of this package. If TIDEMERGE_ADDON is set, only that path counts.
 * Throws ERR_ADDON_NOT_FOUND, whose message says what happened at each place and what to do.
 */
export function loadAddon(): LoadedAddon {
  if (!known) {
    const result = findAddon();
    if (!result.loaded) throw result.error;
    known = result.loaded;
  }
  return known;
}

function defaultOptions(): LoadOptions {
  return {
    // Both lib/backend and dist/backend are two folders below the package.
    root: fileURLToPath(new URL('../..', import.meta.url)),
    override: process.env.TIDEMERGE_ADDON,
  };
}

/** Looks at the three places in turn. Never throws. */
export function findAddon({ root, override }: LoadOptions = defaultOptions()): LoadResult {
  const forced = override ? override : undefined;
  const prebuild = `prebuilds/${process.platform}-${process.arch}/tidemerge.node`;
  const places = [
    { from: 'TIDEMERGE_ADDON', path: forced && (isAbsolute(forced) ? forced : resolve(forced)) },
    { from: 'build', path: resolve(root, 'build/Release/tidemerge.node') },
    { from: 'prebuild', path: resolve(root, prebuild) },
  ] as const;
  const attempts: LoadAttempt[] = [];
  let loaded: LoadedAddon | undefined;
  for (const { from, path } of places) {
    const tried = tryToLoad(path, loaded ? 'another was found first' : forced && attempts.length > 0 && forcedReason);
    if ('addon' in tried) loaded = tried;
    attempts.push({ from, path, outcome: 'addon' in tried ? 'loaded' : tried.outcome });
  }
  return loaded ? { loaded, attempts } : { error: notFound(attempts), attempts };
}

const forcedReason = 'TIDEMERGE_ADDON is set';

function tryToLoad(path: string | undefined, skip: string | false | undefined): LoadedAddon | { outcome: string } {
  if (skip) return { outcome: `not tried, ${skip}` };
  if (!path) return { outcome: 'not set' };
  if (!existsSync(path)) return { outcome: 'no such file' };
  try {
    const addon = load(path) as Addon;
    if (addon.interfaceVersion === INTERFACE_VERSION) return { addon, path };
    return {
      outcome: `built for another version (interface ${addon.interfaceVersion}, expected ${INTERFACE_VERSION})`,
    };
  } catch (error) {
    return { outcome: error instanceof Error ? error.message : String(error) };
  }
}

function notFound(attempts: readonly LoadAttempt[]): TidemergeError {
  const lines = attempts.map(({ from, path, outcome }) => {
    const place = from === 'TIDEMERGE_ADDON' ? (path ? `TIDEMERGE_ADDON=${path}` : from) : path;
    return `  ${place}: ${outcome}`;
  });
  const remedy =
    `Build it with \`npm run build:addon\` (needs a C++17 compiler), or reinstall tidemerge if a prebuilt one exists for ` +
    `${process.platform}-${process.arch}. The slow backend: 'js' works without it.`;
  return new TidemergeError(
    'ERR_ADDON_NOT_FOUND',
    ['addon: no native addon could be loaded', ...lines, remedy].join('\n'),
  );
}
