/*
 * Matrix products in plain JavaScript, as fast as we could make them: both factors are laid out as panels of four rows
 * with interleaved elements, converted to double once (V8 would convert every float at every use), and sixteen sums are
 * kept per tile. Additions carry `| 0`, which spares V8 its overflow checks.
 */

const TILE = 4;
/** Rows of the left factor that stay in the second-level cache while all panels of the right one pass. */
const BLOCK_ROWS = 64;

/** Four rows at a time: element p of row r at (r >> 2) · 4 · length + 4 p + (r & 3); rows beyond the last one are 0. */
export interface Panels {
  readonly rows: number;
  readonly length: number;
  readonly data: Float64Array;
}

/** Where a matrix is inside an array: element (i, p) at start + i · rowStep + p · step. */
export interface Layout {
  readonly start?: number;
  readonly rowStep?: number;
  readonly step?: number;
}

export function pack(
  source: Float32Array,
  rows: number,
  length: number,
  { start = 0, rowStep = length, step = 1 }: Layout = {},
  reuse?: Float64Array,
): Panels {
  const data = reuse ?? new Float64Array(Math.ceil(rows / TILE) * TILE * length);
  if (rows % TILE !== 0) data.fill(0, (rows - (rows % TILE)) * length);
  for (let i = 0; i < rows; i++) {
    let to = (i >> 2) * TILE * length + (i & 3);
    let from = start + i * rowStep;
    for (let p = 0; p < length; p++) {
      data[to] = source[from]!;
      to = (to + TILE) | 0;
      from = (from + step) | 0;
    }
  }
  return { rows, length, data };
}

export interface Target {
  readonly data: Float32Array;
  /** Element (i, j) of the product goes to start + i · rowStep + j. */
  readonly start: number;
  readonly rowStep: number;
}

export interface Epilogue {
  readonly bias?: Float32Array | undefined;
  readonly relu?: boolean;
  /** Added last; laid out like the target. */
  readonly residual?: Float32Array | undefined;
}

/** target = act(x · wᵀ + bias) + residual */
export function multiply(x: Panels, w: Panels, target: Target, epilogue: Epilogue = {}): void {
  const sums = new Float64Array(TILE * TILE);
  for (let first = 0; first < x.rows; first += BLOCK_ROWS) {
    const end = Math.min(first + BLOCK_ROWS, x.rows);
    for (let j = 0; j < w.rows; j += TILE) {
      for (let i = first; i < end; i += TILE) {
        tile(x.data, i * x.length, w.data, j * w.length, x.length, sums);
        store(sums, i, Math.min(TILE, x.rows - i), j, Math.min(TILE, w.rows - j), target, epilogue);
      }
    }
  }
}

function tile(x: Float64Array, a: number, w: Float64Array, b: number, length: number, sums: Float64Array): void {
  let s00 = 0,
    s01 = 0,
    s02 = 0,
    s03 = 0,
    s10 = 0,
    s11 = 0,
    s12 = 0,
    s13 = 0;
  let s20 = 0,
    s21 = 0,
    s22 = 0,
    s23 = 0,
    s30 = 0,
    s31 = 0,
    s32 = 0,
    s33 = 0;
  for (const end = (a + TILE * length) | 0; a < end; a = (a + 4) | 0, b = (b + 4) | 0) {
    const w0 = w[b]!;
    const w1 = w[(b + 1) | 0]!;
    const w2 = w[(b + 2) | 0]!;
    const w3 = w[(b + 3) | 0]!;
    const x0 = x[a]!;
    s00 += x0 * w0;
    s01 += x0 * w1;
    s02 += x0 * w2;
    s03 += x0 * w3;
    const x1 = x[(a + 1) | 0]!;
    s10 += x1 * w0;
    s11 += x1 * w1;
    s12 += x1 * w2;
    s13 += x1 * w3;
    const x2 = x[(a + 2) | 0]!;
    s20 += x2 * w0;
    s21 += x2 * w1;
    s22 += x2 * w2;
    s23 += x2 * w3;
    const x3 = x[(a + 3) | 0]!;
    s30 += x3 * w0;
    s31 += x3 * w1;
    s32 += x3 * w2;
    s33 += x3 * w3;
  }
  sums[0] = s00;
  sums[1] = s01;
  sums[2] = s02;
  sums[3] = s03;
  sums[4] = s10;
  sums[5] = s11;
  sums[6] = s12;
  sums[7] = s13;
  sums[8] = s20;
  sums[9] = s21;
  sums[10] = s22;
  sums[11] = s23;
  sums[12] = s30;
  sums[13] = s31;
  sums[14] = s32;
  sums[15] = s33;
}

function store(
  sums: Float64Array,
  i: number,
  rows: number,
  j: number,
  columns: number,
  { data, start, rowStep }: Target,
  { bias, relu = false, residual }: Epilogue,
): void {
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < columns; c++) {
      const at = start + (i + r) * rowStep + j + c;
      let sum = sums[r * TILE + c]!;
      if (bias) sum += bias[j + c]!;
      if (relu && sum < 0) sum = 0;
      data[at] = residual ? sum + residual[at]! : sum;
    }
  }
}

/** act(x · wᵀ + bias) + residual for x [rows, w.length] → [rows, w.rows]. */
export function linear(x: Float32Array, w: Panels, epilogue: Epilogue = {}): Float32Array {
  const rows = x.length / w.length;
  const data = new Float32Array(rows * w.rows);
  multiply(pack(x, rows, w.length), w, { data, start: 0, rowStep: w.rows }, epilogue);
  return data;
}
