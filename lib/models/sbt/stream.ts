import type { Session } from '../../backend/backend.js';
import type { ProgramBuilder } from '../../backend/program.js';
import { activation } from '../../ops/elementwise.js';
import { nextPlace, windowAttention } from '../../ops/window-attention.js';
import { matrix } from '../../tensor/tensor.js';
import type { Inputs } from '../model-host.js';
import type { SbtHandles } from './handles.js';
import { afterAttention, project, projectPart, type SbtContext, type WindowRows } from './layers.js';
import type { NewestWay } from './newest-way.js';
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
 * Keeps keys and values of the steps of a window in every layer, which stay as they are while it moves on: for Step-T
 * models without places and without norms over time. A sample then costs two rows of every layer, as newest and as past
 * step, and one query.
 */
export class CachedStream implements SbtStream {
  readonly #session: Session;
  readonly #past: number;
  readonly #outputs: number;
  /** Past steps that are kept. */
  #kept = 0;
  readonly #place = new Int32Array(1);
  /** The sample twice. */
  readonly #samples: Float32Array;
  readonly #inputs: Inputs;

  /** The session's program is that of `recordStep`. */
  constructor(session: Session, { windowLength, numVariables, outputSize }: SbtContext['config']) {
    this.#session = session;
    this.#past = windowLength - 1;
    this.#outputs = outputSize;
    this.#samples = new Float32Array(2 * numVariables);
    this.#inputs = { samples: matrix(this.#samples, numVariables), place: matrix(this.#place) };
  }

  push(sample: Float32Array, wanted: boolean): Float32Array | undefined {
    this.#samples.set(sample);
    this.#samples.set(sample, sample.length);
    const { newest } = this.#session.runSync(this.#inputs);
    this.#place[0] = nextPlace(this.#place[0]!, this.#past);
    if (this.#kept === this.#past)
      return wanted ? (newest!.data as Float32Array).subarray(0, this.#outputs) : undefined;
    this.#kept++;
    return undefined;
  }

  dispose(): void {
    this.#session.dispose();
  }
}

/**
 * One sample, in row 0 as newest step of its window and in row 1 as past step of later ones: samples [2, variables], place
 * of `windowAttention` → newest [2, outputs], of which row 0 counts. Two rows take the time of one in a product.
 */
export function recordStep(builder: ProgramBuilder, weights: SbtHandles, context: SbtContext): void {
  const { numVariables, windowLength, dModel, numHeads } = context.config;
  const headDim = dModel / numHeads;
  const heads = { numHeads, headDim, scale: headDim ** -0.5, past: windowLength - 1 };
  const samples = builder.input('samples', 'float32', numVariables);
  const place = builder.input('place', 'int32', 1);
  // No norm and no table looks at where rows stand.
  let rows: WindowRows = { x: project(samples, weights.embedding, context), offsets: place, positions: place };
  for (const [l, layer] of weights.layers.entries()) {
    const query = projectPart('query', rows, layer, context);
    const key = projectPart('key', rows, layer, context);
    const value = projectPart('value', rows, layer, context);
    const keyState = builder.state(`keys.${l}`, 'float32');
    const valueState = builder.state(`values.${l}`, 'float32');
    const mixed = windowAttention({ query, key, value, keyState, valueState, place }, heads);
    rows = afterAttention(mixed, rows, layer, context);
  }
  builder.output('newest', project(activation(rows.x, 'relu'), weights.decoder, context));
}
