import type { Session } from '../../backend/backend.js';
import type { ProgramBuilder, SymbolicTensor } from '../../backend/program.js';
import { activation } from '../../ops/elementwise.js';
import { appendRow, gatherRows } from '../../ops/rows.js';
import { matrix } from '../../tensor/tensor.js';
import type { Inputs } from '../model-host.js';
import type { SbtHandles } from './handles.js';
import { afterResidual, askHeads, passPast, project, type SbtContext, type WindowRows } from './layers.js';
import type { NewestWay } from './programs.js';
import { separateWindows, windowInputs } from './windows.js';

/** Standardised samples one by one: what the model makes of the newest step of the window that ends with each. */
export interface SbtStream {
  /**
   * [variables] → [outputs], at once, on the calling thread; undefined while the window is not full or where nobody wants
   * it. After a failure the stream is where it was.
   */
  push(sample: Float32Array, wanted: boolean): Float32Array | undefined;
  dispose(): void;
}

/** Keeps the samples of a window and computes it anew with every sample: right for every model. */
export class WindowStream implements SbtStream {
  readonly #session: Session;
  readonly #windowLength: number;
  readonly #inputs: Inputs;
  /** Twice a window: it moves ahead in there, and back when it has reached the end. */
  readonly #samples: Float32Array;
  /** Samples in front of the end of the window, of which the last windowLength - 1 are those before the newest. */
  #end = 0;

  /** The session's program is that of `recordNewest`. */
  constructor(session: Session, way: NewestWay, { windowLength, numVariables }: SbtContext['config']) {
    this.#session = session;
    this.#windowLength = windowLength;
    this.#inputs = windowInputs(way, separateWindows(1, windowLength));
    this.#samples = new Float32Array(2 * windowLength * numVariables);
  }

  push(sample: Float32Array, wanted: boolean): Float32Array | undefined {
    const w = this.#windowLength;
    const m = sample.length;
    if (this.#end === 2 * w) {
      this.#samples.copyWithin(0, (w + 1) * m);
      this.#end = w - 1;
    }
    this.#samples.set(sample, this.#end * m);
    const begin = this.#end + 1 - w;
    let newest: Float32Array | undefined;
    if (wanted && begin >= 0) {
      const samples = matrix(this.#samples.subarray(begin * m, (begin + w) * m), m);
      newest = this.#session.runSync({ samples, ...this.#inputs }).newest!.data as Float32Array;
    }
    this.#end++;
    return newest;
  }

  dispose(): void {
    this.#session.dispose();
  }
}

/**
 * Keeps the steps of a window in front of every layer, which stay as they are while it moves on: for Step-T models without
 * places and without norms over time. A sample then costs two rows of every layer, as newest and as past
 * step, and one query.
 */
export class CachedStream implements SbtStream {
  readonly #session: Session;
  readonly #past: number;
  /** Past steps that are kept. */
  #kept = 0;
  /** The inputs that follow from that. */
  #places: Inputs;

  /** The session's program is that of `recordStep`, with `cacheNames` kept. */
  constructor(session: Session, { windowLength, numLayers, dModel }: SbtContext['config']) {
    this.#session = session;
    this.#past = windowLength - 1;
    this.#places = cachePlaces(0, this.#past);
    const nothing = matrix(new Float32Array(0), dModel, 0);
    session.keep(Object.fromEntries(cacheNames(numLayers).map((name) => [name, nothing])));
  }

  push(sample: Float32Array, wanted: boolean): Float32Array | undefined {
    const kept = this.#kept;
    const { newest } = this.#session.runSync({ sample: matrix(sample, sample.length), ...this.#places });
    this.#kept = Math.min(kept + 1, this.#past);
    if (this.#kept !== kept) this.#places = cachePlaces(this.#kept, this.#past);
    return wanted && kept === this.#past ? (newest!.data as Float32Array) : undefined;
  }

  dispose(): void {
    this.#session.dispose();
  }
}

/** With one more, all past steps are kept, or all but the oldest. */
function cachePlaces(kept: number, most: number): Inputs {
  const next = Math.min(kept + 1, most);
  return {
    one: matrix(Int32Array.of(0, 1)),
    place: matrix(Int32Array.of(0)),
    pastOffsets: matrix(Int32Array.of(0, kept)),
    pastPositions: matrix(new Int32Array(kept)),
    keep: matrix(Int32Array.from({ length: next }, (_, i) => kept + 1 - next + i)),
  };
}

/** Values that a stream keeps from sample to sample. */
export function cacheNames(numLayers: number): string[] {
  return Array.from({ length: numLayers }, (_, l) => `steps.${l}`);
}

/**
 * One sample, as newest step of its window and as past step of later ones: sample [1, variables], past steps → newest
 * [1, outputs], and the past steps with this one behind them.
 */
export function recordStep(builder: ProgramBuilder, weights: SbtHandles, context: SbtContext): void {
  const { numVariables, dModel } = context.config;
  const sample = builder.input('sample', 'float32', numVariables);
  const offsets = builder.input('one', 'int32', 1);
  const positions = builder.input('place', 'int32', 1);
  const cache = {
    offsets: builder.input('pastOffsets', 'int32', 1),
    positions: builder.input('pastPositions', 'int32', 1),
    keep: builder.input('keep', 'int32', 1),
  };
  const embedded = project(sample, weights.embedding, context);
  let newest: WindowRows = { x: embedded, offsets, positions };
  let past = newest;
  for (const [l, layer] of weights.layers.entries()) {
    const steps = builder.input(`steps.${l}`, 'float32', dModel);
    builder.output(`steps.${l}`, moved(steps, past.x, positions, cache));
    const attended = askHeads(newest, { x: steps, offsets: cache.offsets }, layer.heads!, context);
    newest = afterResidual(attended, newest, layer, context);
    if (l + 1 < weights.layers.length) past = passPast(past, layer, context);
  }
  builder.output('newest', project(activation(newest.x, 'relu'), weights.decoder, context));
}

/** Rows with one more behind them, of which those at `keep` stay. */
function moved(
  x: SymbolicTensor,
  row: SymbolicTensor,
  place: SymbolicTensor,
  { keep, ...places }: { readonly [name in 'offsets' | 'positions' | 'keep']: SymbolicTensor },
): SymbolicTensor {
  return gatherRows(appendRow({ x, ...places }, place, row).x, keep);
}
