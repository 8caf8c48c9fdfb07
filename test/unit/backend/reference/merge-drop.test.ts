import { describe, expect, it } from 'vitest';
import { createBackend } from '../../../../lib/backend/select.js';
import { mergeAttributes } from '../../../../lib/ops/merge-tokens.js';
import { matrix } from '../../../../lib/tensor/tensor.js';

describe('merge_tokens with drop', () => {
  // A tokens 0 and 2 both find token 1 most similar; token 4 is the newest of an odd number.
  const x = matrix(Float32Array.of(1, 0, 2, 0.1, 3, 0.1, -5, 9, 7, 7), 2);
  const sizes = matrix(Float32Array.of(2, 1, 4, 1, 1));
  const options = { rule: 'r', amount: 2, k: 0, minTokens: 1 } as const;

  it('chooses the same links, keeps the B token as it is, and still adds sizes', async () => {
    const backend = await createBackend({ backend: 'js' });
    const run = (drop: boolean) =>
      backend.call(
        'merge_tokens',
        [x, matrix(Int32Array.of(0, 5)), sizes, null, null],
        mergeAttributes({ ...options, drop }),
      );
    const [merged, pruned] = [run(false), run(true)];
    expect([...pruned[3]!.data]).toEqual([0, 0, 0, 1, 2]);
    for (const output of [1, 2, 3, 4, 5, 6, 7, 8]) expect(pruned[output]!.data).toEqual(merged[output]!.data);
    expect([...pruned[1]!.data]).toEqual([7, 1, 1]);
    expect([...pruned[0]!.data]).toEqual([...x.data.subarray(2, 4), ...x.data.subarray(6)]);
    expect(merged[0]!.data[0]).toBeCloseTo((2 * 1 + 1 * 2 + 4 * 3) / 7, 6);
    backend.dispose();
  });
});
