import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { MambaModel } from 'tidemerge/models';
import type { MambaInputs } from '../mamba.js';
import { serve } from '../serve.js';

/* tidemerge as a contender of the suite mamba: directory, dtype, threads. */

const [directory, dtype, threads] = process.argv.slice(2) as [string, 'float32' | 'bfloat16', string];

await serve(async () => {
  const { ids, lengths, prompt, steps } = JSON.parse(
    readFileSync(join(directory, 'inputs.json'), 'utf8'),
  ) as MambaInputs;
  const model = await MambaModel.load(directory, { dtype, threads: Number(threads) });
  const tokens = (count: number) => ({ data: Int32Array.from(ids.slice(0, count)), shape: [1, count] });
  const forward = async (count: number) =>
    (await model.forward({ inputIds: tokens(count), logits: 'last' })).logits!.data;
  const begin = async () => {
    const { state } = await model.forward({ inputIds: tokens(prompt), logits: 'none' });
    return model.stream({ state });
  };
  const stream = await begin();
  let at = prompt;
  const workloads: Record<string, () => unknown> = {
    'one token': () => stream.push(ids[at++ % ids.length]!),
  };
  const outputs: Record<string, () => Promise<Float32Array>> = {
    // From the beginning, not where the timed stream stands.
    'one token': async () => {
      const own = await begin();
      let logits: Float32Array = new Float32Array(0);
      for (const id of ids.slice(prompt, prompt + steps)) logits = own.push(id).logits!.data;
      own.dispose();
      return logits;
    },
  };
  for (const length of lengths) {
    // A long pass takes a minute: the result of the timed one is the result.
    let kept: Float32Array | undefined;
    workloads[`${length} tokens`] = async () => {
      kept = await forward(length);
    };
    outputs[`${length} tokens`] = async () => kept ?? forward(length);
  }
  const info = { isa: model.backend.isa, threads: model.backend.threads };
  return { info, workloads, outputs };
});
