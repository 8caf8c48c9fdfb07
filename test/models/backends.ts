import { loadAddon } from '../../lib/backend/loader.js';
import type { BackendOptions } from '../../lib/backend/select.js';

export interface BackendUnderTest {
  readonly name: string;
  readonly options: BackendOptions;
}

/** Backends to hold against the goldens: the reference, and the native one with every instruction set of this processor. */
export function backendsUnderTest(): BackendUnderTest[] {
  return [{ name: 'js', options: { backend: 'js' } }, ...nativeBackends()];
}

/** Throws ERR_ADDON_NOT_FOUND where nothing is built: an untested backend is no passed test. */
export function nativeBackends(): BackendUnderTest[] {
  const supported = loadAddon()
    .addon.sets()
    .filter((set) => set.supported);
  return supported.map(({ name }) => ({
    name: `native ${name}`,
    options: { backend: 'native', isa: name, threads: 2 },
  }));
}
