import { HyenaModel, MambaModel, type MergingOptions } from 'tidemerge/models';
import { hyenaFlops, mambaFlops } from './internals.js';
import { HYENA_MEDIUM, randomLetters, writeHyena } from './random-hyena.js';
import { type MambaSizes, randomIds, writeMamba } from './random-mamba.js';

/*
 * The state-space models of the suite merged-ssm, which it sees as one: a pass without a head, and what it should cost.
 */

export type Merging = MergingOptions | false;

export interface SsmPass {
  /** One pass over all tokens. With a trace of merging: the tokens that leave each layer. */
  run(merging: Merging): Promise<readonly number[]>;
  /** Operations: `counts` are the tokens that enter each layer, and those that leave the last; k 0 is global, undefined none. */
  flops(counts: readonly number[], k: number | undefined): number;
  readonly numLayers: number;
  dispose(): void;
}

export interface SsmSubject {
  readonly title: string;
  /** Writes a folder with random weights and returns it. */
  write(directory: string): string;
  load(directory: string, tokens: number, threads: number): Promise<SsmPass>;
}

/** As many parameters as HyenaDNA medium has, or a few more: two blocks for each of its layers, 7.0 to 6.6 million. */
const MAMBA: MambaSizes = { vocabulary: 16, hiddenSize: HYENA_MEDIUM.dModel, numLayers: 2 * HYENA_MEDIUM.numLayers };

const hyena: SsmSubject = {
  title: 'HyenaDNA of the medium shape (8 layers, 256 channels)',
  write: (directory) => writeHyena(directory, HYENA_MEDIUM),
  load: async (directory, tokens, threads) => {
    const model = await HyenaModel.load(directory, { threads });
    const inputs = { inputIds: randomLetters(tokens), head: 'none', lastHiddenState: true } as const;
    const { config } = model;
    return {
      run: async (merging) => layersOf(await model.forward({ ...inputs, merging })),
      flops: (counts, k) => hyenaFlops(counts, config, shapeOf(k)),
      numLayers: config.numLayers,
      dispose: () => model.dispose(),
    };
  },
};

const mamba: SsmSubject = {
  title: 'Mamba of like size (16 blocks, 256 channels, 16 states)',
  write: (directory) => writeMamba(directory, MAMBA),
  load: async (directory, tokens, threads) => {
    const model = await MambaModel.load(directory, { threads });
    const inputIds = randomIds(tokens, MAMBA.vocabulary);
    const inputs = { inputIds, logits: 'none', lastHiddenState: true } as const;
    const { config } = model;
    if (config.model !== 'mamba') throw new Error(`wrote a mamba, loaded a ${config.model}`);
    return {
      run: async (merging) => layersOf(await model.forward({ ...inputs, merging })),
      flops: (counts, k) => mambaFlops(counts, config, shapeOf(k)),
      numLayers: config.numLayers,
      dispose: () => model.dispose(),
    };
  },
};

export const SUBJECTS = { hyena, mamba } as const;

function shapeOf(k: number | undefined): { k: number } | undefined {
  return k === undefined ? undefined : { k };
}

type Traced = { readonly trace?: readonly { readonly layers: readonly { readonly tokens: number }[] }[] };

function layersOf({ trace }: Traced): number[] {
  return trace?.[0]?.layers.map(({ tokens }) => tokens) ?? [];
}
