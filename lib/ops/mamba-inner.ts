import type { Backend, WeightHandle } from '../backend/backend.js';
import { ProgramBuilder, type SymbolicTensor } from '../backend/program.js';
import { TidemergeError } from '../errors.js';
import { matrix, type Tensor, type TensorData } from '../tensor/tensor.js';
import { type FloatTensor, floats } from '../tensor/user-tensors.js';
import { causalConv1d } from './causal-conv1d.js';
import { type DirectOptions, directBackend } from './direct-backend.js';
import { floatRows, uniform } from './direct-ragged.js';
import { linear } from './linear.js';
import { columns } from './rows.js';
import { factorRows } from './scan-factor.js';
import { type ScanFactor, selectiveScan } from './selective-scan.js';
import { transpose } from './transpose.js';

export interface MambaInnerInputs extends DirectOptions {
  /** [batch, 2 · dInner, length]: the input of the convolution, then the gate z. */
  readonly xz: FloatTensor;
  /** [dInner, width] or [dInner, 1, width] */
  readonly conv1dWeight: FloatTensor;
  /** [dInner] */
  readonly conv1dBias?: FloatTensor | undefined;
  /** [deltaRank + dState + dState, dInner]: rows for delta, B and C; none for a B or C that is given. */
  readonly xProjWeight: FloatTensor;
  /** [dInner, deltaRank] */
  readonly deltaProjWeight: FloatTensor;
  /** [dModel, dInner] */
  readonly outProjWeight: FloatTensor;
  /** [dModel] */
  readonly outProjBias?: FloatTensor | undefined;
  /** [dInner, dState], real */
  readonly A: FloatTensor;
  /** By default from xProjWeight. Else [dInner, dState], [batch, dState, length] or [batch, groups, dState, length]. */
  readonly B?: FloatTensor | undefined;
  readonly C?: FloatTensor | undefined;
  /** [dInner] */
  readonly D?: FloatTensor | undefined;
  /** [dInner] */
  readonly deltaBias?: FloatTensor | undefined;
  /** Default true. */
  readonly deltaSoftplus?: boolean | undefined;
}

const WHO = 'mambaInner';

interface Sizes {
  readonly batch: number;
  readonly length: number;
  readonly dInner: number;
  readonly dState: number;
  readonly width: number;
  readonly deltaRank: number;
}

/**
 * Everything in a Mamba block between its first projection and its residual sum, with the meaning of `mamba_inner_ref`
 * of state-spaces/mamba: causal convolution and silu of x, projection to delta, B and C, selective scan with the gate
 * z, output projection → float32 [batch, length, dModel]. One program, run once, off the calling thread. Its weights
 * are packed at every call; a model keeps them.
 *
 * Errors (the promise rejects): ERR_INVALID_ARGUMENT, ERR_INVALID_SHAPE, ERR_INVALID_DTYPE, ERR_DETACHED_BUFFER.
 */
export async function mambaInner(inputs: MambaInnerInputs): Promise<Tensor<Float32Array>> {
  const sizes = readSizes(inputs);
  const [dModel] = floats(WHO, 'outProjWeight', inputs.outProjWeight, [undefined, sizes.dInner]).shape as [number];
  const factors = { B: factor('B', inputs.B, sizes), C: factor('C', inputs.C, sizes) };
  const tensors = readTensors(inputs, sizes, factors, dModel);
  const backend = directBackend(inputs);
  const weights = await projections(backend, inputs);
  try {
    const builder = new ProgramBuilder();
    const symbols = Object.fromEntries(
      Object.entries(tensors).map(([name, { dtype, cols }]) => [name, builder.input(name, dtype, cols)]),
    );
    const [xProj, deltaProj, outProj] = weights.map((handle) => builder.weight(handle)) as [
      SymbolicTensor,
      SymbolicTensor,
      SymbolicTensor,
    ];
    const options = { sizes, factors, deltaSoftplus: inputs.deltaSoftplus ?? true };
    builder.output('out', record(symbols, { xProj, deltaProj, outProj }, options));
    const { description, weights: used } = builder.build();
    const program = backend.createProgram(description, used);
    const session = program.createSession();
    try {
      const { out } = await session.run(tensors);
      return { data: out!.data as Float32Array, shape: [sizes.batch, sizes.length, dModel] };
    } finally {
      session.dispose();
      program.dispose();
    }
  } finally {
    for (const weight of weights) weight.dispose();
  }
}

type Factors = Readonly<Record<'B' | 'C', ReturnType<typeof factorRows> | undefined>>;

function record(
  symbols: Readonly<Record<string, SymbolicTensor>>,
  weights: Readonly<Record<'xProj' | 'deltaProj' | 'outProj', SymbolicTensor>>,
  { sizes, factors, deltaSoftplus }: { sizes: Sizes; factors: Factors; deltaSoftplus: boolean },
): SymbolicTensor {
  const { dInner, dState, width, deltaRank } = sizes;
  const { xz, offsets, conv1dWeight, conv1dBias, A, D, deltaBias, outProjBias } = symbols as Record<
    string,
    SymbolicTensor
  > & { [K in 'xz' | 'offsets' | 'conv1dWeight' | 'A']: SymbolicTensor };
  const convolution = { x: xz, weight: conv1dWeight, bias: conv1dBias, offsets };
  const u = causalConv1d(convolution, { channels: dInner, width, activation: 'silu' }).y;
  const projected = linear(u, weights.xProj);
  const delta = linear(columns(projected, 0, deltaRank), weights.deltaProj);
  let column = deltaRank;
  const scanFactor = (name: 'B' | 'C'): ScanFactor => {
    const given = factors[name];
    if (given) return given.groups ? { varying: symbols[name]!, groups: given.groups } : { constant: symbols[name]! };
    const varying = { tensor: projected, column };
    column += dState;
    return { varying, groups: 1 };
  };
  const [B, C] = [scanFactor('B'), scanFactor('C')];
  const z = { tensor: xz, column: dInner };
  const { y } = selectiveScan({ u, delta, A, B, C, offsets, D, z, deltaBias }, { dInner, dState, deltaSoftplus });
  return linear(y, weights.outProj, { bias: outProjBias });
}

function readSizes({ xz, A, conv1dWeight, deltaProjWeight, xProjWeight, B, C }: MambaInnerInputs): Sizes {
  const [dInner, dState] = floats(WHO, 'A', A, [undefined, undefined]).shape as [number, number];
  const [batch, , length] = floats(WHO, 'xz', xz, [undefined, 2 * dInner, undefined]).shape as [number, number, number];
  const taps = conv1dWeight?.shape?.length === 3 ? [1, undefined] : [undefined];
  const width = floats(WHO, 'conv1dWeight', conv1dWeight, [dInner, ...taps]).shape.at(-1)!;
  const deltaRank = floats(WHO, 'deltaProjWeight', deltaProjWeight, [dInner, undefined]).shape[1]!;
  if (Math.min(dInner, dState, width, deltaRank) === 0) {
    const got = `${dInner}, ${dState}, ${width}, ${deltaRank}`;
    const message = `${WHO}: A: expected channels, states, taps and a rank of delta, got ${got}`;
    throw new TidemergeError('ERR_INVALID_SHAPE', message);
  }
  const projected = deltaRank + (B ? 0 : dState) + (C ? 0 : dState);
  floats(WHO, 'xProjWeight', xProjWeight, [projected, dInner]);
  return { batch, length, dInner, dState, width, deltaRank };
}

function factor(name: string, tensor: FloatTensor | undefined, sizes: Sizes) {
  return tensor && factorRows(WHO, name, tensor, { ...sizes, last: false });
}

/** All values of the program by name. */
function readTensors(inputs: MambaInnerInputs, sizes: Sizes, { B, C }: Factors, dModel: number) {
  const { batch, length, dInner, dState, width } = sizes;
  const { xz, conv1dWeight, A } = inputs;
  const vectors = { conv1dBias: dInner, D: dInner, deltaBias: dInner, outProjBias: dModel };
  const tensors: Record<string, TensorData> = {
    xz: matrix(transpose(xz.data, batch, 2 * dInner, length), 2 * dInner, batch * length),
    conv1dWeight: floatRows(conv1dWeight, dInner, width),
    A: floatRows(A, dInner, dState),
    offsets: uniform(batch, length),
  };
  if (B) tensors.B = B.rows;
  if (C) tensors.C = C.rows;
  for (const [name, count] of Object.entries(vectors)) {
    const tensor = inputs[name as keyof typeof vectors];
    if (tensor) tensors[name] = floatRows(floats(WHO, name, tensor, [count]), count, 1);
  }
  return tensors;
}

function projections(backend: Backend, inputs: MambaInnerInputs): Promise<WeightHandle[]> {
  const names = ['xProjWeight', 'deltaProjWeight', 'outProjWeight'] as const;
  const made = names.map((name) => {
    const { data, shape } = inputs[name];
    const values = data instanceof Float32Array ? data : new Float32Array(data);
    return backend.createWeight({
      ...{ name, kind: 'matrix', dtype: 'float32', data: values },
      shape: shape as readonly [number, number],
    } as const);
  });
  return Promise.all(made);
}
