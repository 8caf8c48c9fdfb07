import type { Backend } from '../backend/backend.js';
import { createNativeBackend } from '../backend/native.js';
import { createReferenceBackend } from '../backend/reference/index.js';

export interface DirectOptions {
  /** Where to compute: 'native' (default), 'js' for the slow reference, or a backend from `createBackend`. */
  readonly backend?: Backend | 'native' | 'js' | undefined;
}

const shared: { native?: Backend; js?: Backend } = {};

/** The backend asked for; the two named ones are made at their first use and kept. */
export function directBackend({ backend = 'native' }: DirectOptions): Backend {
  switch (backend) {
    case 'native':
      shared.native ??= createNativeBackend({});
      return shared.native;
    case 'js':
      shared.js ??= createReferenceBackend();
      return shared.js;
    default:
      return backend;
  }
}
