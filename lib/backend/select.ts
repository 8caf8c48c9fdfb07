import { TidemergeError } from '../errors.js';
import type { Backend } from './backend.js';
import { createReferenceBackend } from './reference/index.js';

export interface BackendOptions {
  /**
   * 'native' (default) is the C++ addon. 'js' is the reference in TypeScript, a thousand times slower: it is never
   * chosen on its own, a missing addon is an error.
   */
  readonly backend?: 'native' | 'js' | undefined;
  /** Instruction set of the native backend: by default the best one this processor has. */
  readonly isa?: string | undefined;
  /** Threads of the native backend: by default as many as the process may use. */
  readonly threads?: number | undefined;
}

/**
 * Errors: ERR_INVALID_ARGUMENT, and of the native backend ERR_ADDON_NOT_FOUND, ERR_INVALID_ISA and ERR_UNSUPPORTED_ISA.
 */
export async function createBackend(options: BackendOptions = {}): Promise<Backend> {
  const { backend = 'native', isa, threads } = options;
  if (threads !== undefined && !(Number.isSafeInteger(threads) && threads >= 1)) {
    throw new TidemergeError('ERR_INVALID_ARGUMENT', `backend: threads: expected an integer >= 1, got ${threads}`);
  }
  switch (backend) {
    case 'js':
      if (isa !== undefined) {
        throw new TidemergeError('ERR_INVALID_ARGUMENT', `backend: isa: expected none with backend 'js', got '${isa}'`);
      }
      return createReferenceBackend();
    case 'native': {
      const { createNativeBackend } = await import('./native.js');
      return createNativeBackend({ isa, threads });
    }
    default:
      throw new TidemergeError('ERR_INVALID_ARGUMENT', `backend: expected 'native' or 'js', got '${backend}'`);
  }
}
