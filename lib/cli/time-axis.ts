import type { SeriesTimes } from '../io/index.js';
import { advance, parseTime } from '../io/time-step.js';
import { formatTime } from '../io/time-style.js';

/**
 * Names the steps of a series, counted from its first value, past its last one too. Series without (regular) times
 * are counted from 1.
 */
export function timeAxis(times: SeriesTimes | undefined): (step: number) => string {
  const unit = times?.step;
  if (!times || !unit) return (step) => String(step + 1);
  const first = parseTime(times.first, unit.style);
  return (step) => formatTime(advance(first, unit, step), unit.style);
}
