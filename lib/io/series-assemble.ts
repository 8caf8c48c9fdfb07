import { TidemergeError } from '../errors.js';
import { quote } from './quote.js';
import type { CollectedSeries } from './series-csv.js';
import { firstGap, mayFill, spread } from './series-gaps.js';
import type { SeriesOptions, SeriesTable, SeriesTimes } from './series-options.js';
import { DEFAULT_MAX_VALUES } from './series-options.js';
import type { Draft } from './series-order.js';
import { hasTimes, orderRows, toDraft } from './series-order.js';
import { Tally } from './tally.js';
import type { TimeStep } from './time-step.js';
import { advance } from './time-step.js';
import type { Grid } from './time-step-infer.js';
import {
  adaptStep,
  inferGrid,
  likelyStep,
  MIN_POINTS,
  majorityStep,
  parseFrequency,
  placesOn,
} from './time-step-infer.js';
import type { TimeStyle } from './time-style.js';
import { formatTime } from './time-style.js';

/** Puts the rows of every series in time order, finds the steps and fills the gaps. */
export function assembleSeries(
  source: string,
  { groups, time, warnings }: CollectedSeries,
  options: SeriesOptions,
): SeriesTable {
  const drafts = groups.map(toDraft);
  const ids = drafts.flatMap(({ ids }) => ids);
  if (time === undefined) return { ids, values: drafts.flatMap(({ columns }) => columns), warnings: [...warnings] };
  const timed = drafts.filter(hasTimes);
  const style = time.finish(timed);
  const orderWarnings = orderRows(source, timed, style, options);
  const aligner = new Aligner(source, style, options);
  const times = aligner.align(drafts);
  return {
    ids,
    values: drafts.flatMap(({ columns }) => columns),
    times,
    warnings: [...warnings, ...time.warnings, ...orderWarnings, ...aligner.warnings()],
  };
}

class Aligner {
  readonly #source: string;
  readonly #style: TimeStyle;
  readonly #options: SeriesOptions;
  readonly #freq: TimeStep | undefined;
  readonly #gaps = new Tally();
  readonly #irregular = new Tally();
  readonly #tooSparse = new Tally();
  readonly #noStep = new Tally();
  #values = 0;

  constructor(source: string, style: TimeStyle, options: SeriesOptions) {
    this.#source = source;
    this.#style = style;
    this.#options = options;
    this.#freq = options.freq === undefined ? undefined : parseFrequency(options.freq, style);
  }

  align(drafts: readonly Draft[]): (SeriesTimes | undefined)[] {
    const grids = drafts.map((draft) => this.#grid(draft));
    const majority = this.#freq ?? majorityStep(grids.flatMap((grid) => (grid === undefined ? [] : [grid.step])));
    return drafts.flatMap((draft, i) => {
      const times = this.#finish(draft, grids[i], majority);
      return draft.ids.map(() => times);
    });
  }

  warnings(): string[] {
    const warn = (tally: Tally, text: string) =>
      tally.count === 0 ? [] : [`${this.#source}: ${text.replace('#', String(tally.count))}, first ${tally.first}`];
    return [
      ...warn(this.#gaps, '# missing times were filled with NaN'),
      ...warn(this.#irregular, '# series have irregular times and are taken as equally spaced'),
      ...warn(this.#tooSparse, '# series have gaps too wide to be filled and are taken as equally spaced'),
      ...warn(
        this.#noStep,
        '# series do not tell their time step (option freq does), forecasts of them carry no times',
      ),
    ];
  }

  /** The grid that a series has by itself, or by the option `freq`. */
  #grid({ times, startOnly }: Draft): Grid | undefined {
    if (times === undefined || startOnly !== undefined || times.length < MIN_POINTS) return undefined;
    return this.#freq === undefined ? inferGrid(times, this.#style) : onGrid(this.#freq, times);
  }

  #finish(draft: Draft, own: Grid | undefined, majority: TimeStep | undefined): SeriesTimes | undefined {
    const { times, ids, startOnly } = draft;
    if (times === undefined) return undefined;
    const who = () => (ids.length === 1 ? quote(ids[0] as string) : `all ${ids.length} columns`);
    if (startOnly !== undefined) return this.#fromStart(draft, times, startOnly.freq, who);
    const short = times.length < MIN_POINTS;
    const grid = own ?? (short && majority !== undefined ? onGrid(majority, times) : undefined);
    const lent = short ? majority : this.#freq;
    const step = grid?.step ?? (lent === undefined ? likelyStep(times, this.#style) : adaptStep(lent, times));
    if (grid !== undefined) this.#fill(draft, times, grid, who);
    else if (step !== undefined || !short) this.#irregular.add(1, who);
    if (step === undefined) this.#noStep.add(1, who);
    const last = times.at(-1) as number;
    return { first: formatTime(times[0] as number, this.#style), last: formatTime(last, this.#style), step };
  }

  #fill(draft: Draft, times: Float64Array, { places, step }: Grid, who: () => string): void {
    const missing = (places.at(-1) as number) + 1 - places.length;
    if (missing === 0 || this.#options.fillGaps === false) return;
    if (!mayFill(places)) {
      this.#tooSparse.add(1, () => `${who()} after ${firstGap(times, places, this.#style)}`);
      return;
    }
    this.#gaps.add(missing, () => `${who()} after ${firstGap(times, places, step.style)}`);
    this.#values += ((places.at(-1) as number) + 1) * draft.columns.length;
    const limit = this.#options.maxValues ?? DEFAULT_MAX_VALUES;
    if (this.#values > limit)
      throw new TidemergeError(
        'ERR_BAD_DATA',
        `${this.#source}: expected at most ${limit} values with the gaps filled (option maxValues)`,
      );
    draft.columns = draft.columns.map((column) => spread(column, places));
  }

  #fromStart(draft: Draft, times: Float64Array, freq: string | undefined, who: () => string): SeriesTimes | undefined {
    const length = draft.columns[0]?.length ?? 0;
    const named = freq === undefined ? this.#freq : parseFrequency(freq, this.#style);
    if (named === undefined || length === 0) {
      this.#noStep.add(1, who);
      return undefined;
    }
    const first = times[0] as number;
    const step = adaptStep(named, times);
    return {
      first: formatTime(first, this.#style),
      last: formatTime(advance(first, step, length - 1), this.#style),
      step,
    };
  }
}

function onGrid(step: TimeStep, times: Float64Array): Grid | undefined {
  const adapted = adaptStep(step, times);
  const places = placesOn(times, adapted);
  return places && { step: adapted, places };
}
