import { describe, expect, it } from 'vitest';
import { createBackend } from '../../../lib/backend/select.js';

describe('createBackend', () => {
  it('gives the reference when asked for it', async () => {
    const backend = await createBackend({ backend: 'js' });
    expect(backend).toMatchObject({ name: 'js', isa: 'js', threads: 1 });
    backend.dispose();
  });

  it.each([
    [{ backend: 'wasm' }, "backend: expected 'native' or 'js', got 'wasm'"],
    [{ backend: 'js', isa: 'avx2' }, 'backend: isa'],
    [{ threads: 0 }, 'backend: threads: expected an integer >= 1, got 0'],
    [{ threads: 1.5 }, 'backend: threads'],
  ])('refuses %o', async (options, message) => {
    const attempt = createBackend(options as never);
    await expect(attempt).rejects.toThrow(message);
    await expect(attempt).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
  });

  it('gives the native one by default, with the set and threads asked for', async () => {
    const backend = await createBackend({ threads: 1 });
    expect(backend).toMatchObject({ name: 'native', threads: 1 });
    const same = await createBackend({ backend: 'native', isa: backend.isa, threads: 2 });
    expect(same).toMatchObject({ isa: backend.isa, threads: 2 });
    backend.dispose();
    same.dispose();
    await expect(createBackend({ isa: 'mmx' })).rejects.toMatchObject({ code: 'ERR_INVALID_ISA' });
  });
});
