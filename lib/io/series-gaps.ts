import type { TimeStyle } from './time-style.js';
import { formatTime } from './time-style.js';

/** A series may become this many times longer by filling (and 1000 longer in any case); beyond it, it is not filled. */
const MAX_FILL_RATIO = 10;

export function mayFill(places: Float64Array): boolean {
  return (places.at(-1) ?? 0) < MAX_FILL_RATIO * places.length + 1000;
}

/** Puts each value on its place, NaN between. */
export function spread(values: Float64Array, places: Float64Array): Float64Array {
  const filled = new Float64Array((places.at(-1) as number) + 1).fill(NaN);
  for (let i = 0; i < values.length; i++) filled[places[i] as number] = values[i] as number;
  return filled;
}

/** The time before the first gap, for a warning. */
export function firstGap(times: Float64Array, places: Float64Array, style: TimeStyle): string {
  const at = places.findIndex((place, i) => i > 0 && place - (places[i - 1] as number) > 1);
  return formatTime(times[at - 1] as number, style);
}
