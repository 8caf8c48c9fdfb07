/*
 * The long convolution in plain JavaScript written to be fast: a radix-2 transform in doubles with tables, of u and the
 * filter at once as real and imaginary part; z² then holds the product of the two spectra.
 */

interface Tables {
  readonly cos: Float64Array;
  readonly sin: Float64Array;
  readonly re: Float64Array;
  readonly im: Float64Array;
}

const tablesOf = new Map<number, Tables>();

function tables(size: number): Tables {
  let found = tablesOf.get(size);
  if (!found) {
    const angle = (i: number) => (2 * Math.PI * i) / size;
    found = {
      cos: Float64Array.from({ length: size / 2 }, (_, i) => Math.cos(angle(i))),
      sin: Float64Array.from({ length: size / 2 }, (_, i) => Math.sin(angle(i))),
      re: new Float64Array(size),
      im: new Float64Array(size),
    };
    tablesOf.set(size, found);
  }
  return found;
}

/** Natural order in, bit-reversed order out. */
function forward({ re, im, cos, sin }: Tables): void {
  const size = re.length | 0;
  for (let half = size >> 1, step = 1; half > 0; half >>= 1, step <<= 1) {
    for (let block = 0; block < size; block = (block + 2 * half) | 0) {
      for (let n = 0, w = 0; n < half; n = (n + 1) | 0, w = (w + step) | 0) {
        const i = (block + n) | 0;
        const j = (i + half) | 0;
        const dr = re[i]! - re[j]!;
        const di = im[i]! - im[j]!;
        re[i]! += re[j]!;
        im[i]! += im[j]!;
        re[j] = dr * cos[w]! + di * sin[w]!;
        im[j] = di * cos[w]! - dr * sin[w]!;
      }
    }
  }
}

/** And back, times size. */
function backward({ re, im, cos, sin }: Tables): void {
  const size = re.length | 0;
  for (let half = 1, step = size >> 1; half < size; half <<= 1, step >>= 1) {
    for (let block = 0; block < size; block = (block + 2 * half) | 0) {
      for (let n = 0, w = 0; n < half; n = (n + 1) | 0, w = (w + step) | 0) {
        const i = (block + n) | 0;
        const j = (i + half) | 0;
        const br = re[j]! * cos[w]! - im[j]! * sin[w]!;
        const bi = re[j]! * sin[w]! + im[j]! * cos[w]!;
        re[j] = re[i]! - br;
        im[j] = im[i]! - bi;
        re[i]! += br;
        im[i]! += bi;
      }
    }
  }
}

/** y [length, channels] of one sequence; u and k are [length, channels], D is [channels]. */
export function longConv(u: Float32Array, k: Float32Array, D: Float32Array, y = new Float32Array(u.length)) {
  const channels = D.length;
  const length = u.length / channels;
  let size = 2;
  while (size < 2 * length) size *= 2;
  const work = tables(size);
  const { re, im } = work;
  for (let c = 0; c < channels; c++) {
    re.fill(0, length);
    im.fill(0, length);
    for (let t = 0, at = c; t < length; t = (t + 1) | 0, at = (at + channels) | 0) {
      re[t] = u[at]!;
      im[t] = k[at]!;
    }
    forward(work);
    // Squared, u + ik is u² - k² + 2i uk: the imaginary part of what comes back is twice the convolution.
    for (let i = 0; i < size; i = (i + 1) | 0) {
      const r = re[i]!;
      re[i] = r * r - im[i]! * im[i]!;
      im[i]! *= 2 * r;
    }
    backward(work);
    const scale = 0.5 / size;
    for (let t = 0, at = c; t < length; t = (t + 1) | 0, at = (at + channels) | 0) {
      y[at] = im[t]! * scale + D[c]! * u[at]!;
    }
  }
  return y;
}
