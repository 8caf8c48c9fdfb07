import { composedMap } from '../merging/trace.js';
import type { MergeTrace } from '../tasks/forecasts.js';
import { axisLabel, ticks } from './chart.js';

/** One series, and what was merged of it. */
export interface MergeChart {
  readonly title: string;
  /** What the model looked at; NaN where missing. */
  readonly values: ArrayLike<number>;
  readonly trace: MergeTrace;
}

const WIDTH = 1000;
const MARGIN = { left: 120, right: 120, top: 34, bottom: 22 } as const;
const PLOT_HEIGHT = 170;
const STRIP = { height: 16, gap: 4 } as const;
const ALONE = '#d4d4d4';

const escapeText = (text: string) => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
const round = (value: number) => Number(value.toFixed(2)).toString();

/** Golden angle apart, in three shades: tokens that stand side by side differ. */
const colorOf = (token: number) => `hsl(${round((token * 137.508) % 360)} 62% ${40 + 12 * ((token >> 3) % 3)}%)`;

/**
 * A stand-alone SVG document. For every series: its values as a line and, over it, the mean of the values that stand
 * together in a token behind the last merge; below, a strip for the tokens in front of the first layer and one for each
 * layer that merged. Neighbours without a gap between them, and places of one colour, are one token.
 */
export function mergeSvg(charts: readonly MergeChart[]): string {
  let height = 0;
  const panels = charts.map((chart) => {
    const at = height;
    height += heightOf(chart);
    return `<g transform="translate(0 ${at})">\n${panel(chart)}</g>\n`;
  });
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" ` +
    'font-family="system-ui, sans-serif" font-size="12">\n' +
    `<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>\n${panels.join('')}</svg>\n`
  );
}

function heightOf({ trace }: MergeChart): number {
  return MARGIN.top + PLOT_HEIGHT + (trace.layers.length + 1) * (STRIP.height + STRIP.gap) + 2 * MARGIN.bottom;
}

/** Neighbouring places of one token. */
interface Run {
  readonly token: number;
  /** Original tokens [from, to). */
  readonly from: number;
  readonly to: number;
}

function panel(chart: MergeChart): string {
  const { title, values, trace } = chart;
  const axis = axisOf(trace, values.length);
  const parts = [`<text x="${MARGIN.left}" y="20" font-weight="600">${escapeText(title)}</text>\n`];
  parts.push(curves(chart, axis));
  const top = MARGIN.top + PLOT_HEIGHT + MARGIN.bottom;
  for (let stage = 0; stage <= trace.layers.length; stage++) {
    parts.push(strip(trace, stage, top + stage * (STRIP.height + STRIP.gap), axis));
  }
  return parts.join('');
}

/** Edges of an original token: those of its values; tokens the model adds stand behind the last value. */
function axisOf({ spans }: MergeTrace, values: number): (token: number) => readonly [left: number, right: number] {
  const count = spans.length / 2;
  const added = Array.from({ length: count }, (_, i) => spans[2 * i] === -1).filter(Boolean).length;
  // An added token is as wide as an average one.
  const width = values / Math.max(1, count - added);
  const scale = (WIDTH - MARGIN.left - MARGIN.right) / Math.max(1, values + added * width);
  return (token) => {
    const [begin, end] = [spans[2 * token] as number, spans[2 * token + 1] as number];
    if (begin >= 0) return [MARGIN.left + begin * scale, MARGIN.left + end * scale];
    const place = values + (token - (count - added)) * width;
    return [MARGIN.left + place * scale, MARGIN.left + (place + width) * scale];
  };
}

type Axis = ReturnType<typeof axisOf>;

function runsOf(map: Int32Array): Run[] {
  const runs: Run[] = [];
  for (let from = 0; from < map.length; ) {
    let to = from + 1;
    while (to < map.length && map[to] === map[from]) to++;
    runs.push({ token: map[from] as number, from, to });
    from = to;
  }
  return runs;
}

/** By token: its first original, which names its colour in all stages; -1 for a token that stands alone. */
function firstsOf(map: Int32Array): Map<number, number> {
  const firsts = new Map<number, number>();
  const merged = new Set<number>();
  for (const [original, token] of map.entries()) {
    if (firsts.has(token)) merged.add(token);
    else firsts.set(token, original);
  }
  for (const token of firsts.keys()) if (!merged.has(token)) firsts.set(token, -1);
  return firsts;
}

function fillOf(first: number | undefined): string {
  return first === undefined || first < 0 ? ALONE : colorOf(first);
}

function strip(trace: MergeTrace, stage: number, y: number, axis: Axis): string {
  const map = composedMap(trace, stage);
  const firsts = firstsOf(map);
  const layer = trace.layers[stage - 1];
  const label = layer ? `layer ${layer.layer}` : 'at first';
  const middle = y + STRIP.height / 2;
  const count = `${firsts.size} token${firsts.size === 1 ? '' : 's'}`;
  const text = (x: number, anchor: string, content: string) =>
    `<text x="${x}" y="${middle}" text-anchor="${anchor}" dominant-baseline="middle" fill="#555">${content}</text>\n`;
  const parts = [
    text(MARGIN.left - 8, 'end', `${label}: ${count}`),
    ...(layer && Number.isFinite(layer.lastSimilarity)
      ? [text(WIDTH - MARGIN.right + 8, 'start', `similarity ≥ ${layer.lastSimilarity.toFixed(3)}`)]
      : []),
  ];
  for (const { token, from, to } of runsOf(map)) {
    const [left] = axis(from);
    const [, right] = axis(to - 1);
    const gap = Math.min(1, (right - left) / 4);
    parts.push(
      `<rect x="${round(left)}" y="${y}" width="${round(right - left - gap)}" height="${STRIP.height}" ` +
        `fill="${fillOf(firsts.get(token))}"><title>${valuesText(trace, from, to)}: token ${token}</title></rect>\n`,
    );
  }
  return parts.join('');
}

function valuesText({ spans }: MergeTrace, from: number, to: number): string {
  const begin = spans[2 * from] as number;
  const last = (spans[2 * to - 1] as number) - 1;
  if (begin < 0) return 'added by the model';
  return last <= begin ? `value ${begin}` : `values ${begin} to ${last}`;
}

function curves({ values, trace }: MergeChart, axis: Axis): string {
  const finite = Array.from(values).filter(Number.isFinite);
  const low = finite.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  const high = finite.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  if (finite.length === 0) return '';
  const range = high - low || Math.abs(high) || 1;
  const y = (value: number) => MARGIN.top + ((high - value) / range) * PLOT_HEIGHT;
  const [left] = [MARGIN.left];
  const right = WIDTH - MARGIN.right;
  const marks = ticks(low, high, 4);
  const step = marks.length > 1 ? (marks[1] as number) - (marks[0] as number) : range;
  const grid = marks.map(
    (mark) =>
      `<line x1="${left}" x2="${right}" y1="${round(y(mark))}" y2="${round(y(mark))}" stroke="#ececec"/>` +
      `<text x="${left - 8}" y="${round(y(mark))}" text-anchor="end" dominant-baseline="middle" fill="#555">${axisLabel(mark, step)}</text>\n`,
  );
  return grid.join('') + line(values, trace, axis, y) + means(values, trace, axis, y);
}

/** The values, a polyline for every unbroken run of them. */
function line(values: ArrayLike<number>, { spans }: MergeTrace, axis: Axis, y: (value: number) => number): string {
  // Any token with values gives the scale of the axis.
  const known = spans.findIndex((begin, i) => i % 2 === 0 && begin >= 0) / 2;
  const [left, right] = axis(known);
  const scale = (right - left) / ((spans[2 * known + 1] as number) - (spans[2 * known] as number));
  const x = (i: number) => left + (i + 0.5 - (spans[2 * known] as number)) * scale;
  const lines: string[] = [];
  let points: string[] = [];
  for (let i = 0; i <= values.length; i++) {
    const value = values[i];
    if (value !== undefined && Number.isFinite(value)) points.push(`${round(x(i))},${round(y(value))}`);
    else if (points.length > 0) {
      lines.push(`<polyline points="${points.join(' ')}" fill="none" stroke="#9ca3af" stroke-width="1"/>\n`);
      points = [];
    }
  }
  return lines.join('');
}

/** The mean of the values in every run of neighbours that one token stands for in the end. */
function means(values: ArrayLike<number>, trace: MergeTrace, axis: Axis, y: (value: number) => number): string {
  const map = composedMap(trace);
  const firsts = firstsOf(map);
  return runsOf(map)
    .map(({ token, from, to }) => {
      const first = firsts.get(token);
      const begin = trace.spans[2 * from] as number;
      if (first === undefined || first < 0 || begin < 0) return '';
      const last = Array.from({ length: to - from }, (_, i) => trace.spans[2 * (from + i) + 1] as number);
      const own = Array.prototype.slice.call(values, begin, Math.max(...last)).filter(Number.isFinite) as number[];
      if (own.length === 0) return '';
      const at = round(y(own.reduce((a, b) => a + b, 0) / own.length));
      const [left] = axis(from);
      const [, right] = axis(last.lastIndexOf(Math.max(...last)) + from);
      return `<line x1="${round(left)}" x2="${round(right)}" y1="${at}" y2="${at}" stroke="${colorOf(first)}" stroke-width="3"/>\n`;
    })
    .join('');
}
