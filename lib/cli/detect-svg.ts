import { type Segment, segmentsOf } from '../analysis/anomaly/flags.js';
import { curve, escapeText, grid, HEIGHT, MARGIN, round, svgDocument, WIDTH } from './svg-panel.js';

/** The scores of one series and what was made of them. */
export interface DetectionChart {
  readonly title: string;
  /** NaN where a step has no score. */
  readonly score: Float64Array;
  readonly isAnomaly: Uint8Array;
  readonly threshold: number;
  /** Where it is known: 1 for the steps that are anomalous. */
  readonly labels?: Uint8Array | undefined;
}

const PLOT_WIDTH = WIDTH - MARGIN.left - MARGIN.right;
const BOTTOM = HEIGHT - MARGIN.bottom;
const STRIP_HEIGHT = 5;

/**
 * A stand-alone SVG document, a panel for every series: its score, the threshold, the anomalous steps shaded, and below
 * them the labelled ones where there are labels.
 */
export function detectSvg(charts: readonly DetectionChart[]): string {
  return svgDocument(charts.map(panel));
}

function panel({ title, score, isAnomaly, threshold, labels }: DetectionChart): string {
  const x = (step: number) => MARGIN.left + (step / Math.max(1, score.length - 1)) * PLOT_WIDTH;
  const high = score.filter(Number.isFinite).reduce((a, b) => Math.max(a, b), Math.max(threshold, 0)) || 1;
  const low = Math.min(0, threshold);
  const y = (value: number) => MARGIN.top + ((high - value) / (high - low)) * (BOTTOM - MARGIN.top);
  const { steps, values } = envelope(score, PLOT_WIDTH);
  const at = round(y(threshold));
  const label = (position: number, anchor: string, text: string) =>
    `<text x="${position}" y="${BOTTOM + 18}" text-anchor="${anchor}" fill="#555">${text}</text>\n`;
  return [
    `<text x="${MARGIN.left}" y="20" font-weight="600">${escapeText(title)}</text>\n`,
    ranges(isAnomaly, x, 'anomalous', { y: MARGIN.top, height: BOTTOM - MARGIN.top, fill: '#d97706', opacity: 0.25 }),
    ...(labels
      ? [ranges(labels, x, 'labelled', { y: BOTTOM, height: STRIP_HEIGHT, fill: '#be123c', opacity: 1 })]
      : []),
    grid(low, high, y),
    curve(values, 0, '#1f6f8b', (i) => x(steps[i]!), y),
    `<line x1="${MARGIN.left}" x2="${WIDTH - MARGIN.right}" y1="${at}" y2="${at}" stroke="#b45309" stroke-dasharray="5 3">`,
    `<title>threshold ${threshold}</title></line>\n`,
    label(MARGIN.left, 'start', 'step 0'),
    label(WIDTH - MARGIN.right, 'end', String(score.length - 1)),
  ].join('');
}

interface Look {
  readonly y: number;
  readonly height: number;
  readonly fill: string;
  readonly opacity: number;
}

/** Runs of flagged steps as rectangles, at least a pixel wide; those that would touch are one. */
function ranges(flags: Uint8Array, x: (step: number) => number, name: string, look: Look): string {
  const joined: Segment[] = [];
  for (const segment of segmentsOf(flags)) {
    const last = joined.at(-1);
    if (last && x(segment.start) - x(last.end) < 1) joined[joined.length - 1] = { start: last.start, end: segment.end };
    else joined.push(segment);
  }
  return joined
    .map(({ start, end }) => {
      const left = x(start - 0.5);
      const width = Math.max(1, x(end - 0.5) - left);
      return (
        `<rect x="${round(left)}" y="${look.y}" width="${round(width)}" height="${look.height}" fill="${look.fill}" ` +
        `fill-opacity="${look.opacity}"><title>${name}: steps ${start} to ${end - 1}</title></rect>\n`
      );
    })
    .join('');
}

/** Of a curve with more points than the plot has columns, the lowest and the highest of every column. */
export function envelope(values: Float64Array, columns: number): { steps: number[]; values: number[] } {
  const count = values.length;
  if (count <= 2 * columns) return { steps: [...values.keys()], values: [...values] };
  const steps: number[] = [];
  for (let column = 0; column < columns; column++) {
    const [from, to] = [Math.floor((column * count) / columns), Math.floor(((column + 1) * count) / columns)];
    let [lowest, highest] = [from, from];
    for (let i = from; i < to; i++) {
      if (values[i]! < values[lowest]! || Number.isNaN(values[lowest]!)) lowest = i;
      if (values[i]! > values[highest]! || Number.isNaN(values[highest]!)) highest = i;
    }
    steps.push(...(lowest === highest ? [lowest] : [Math.min(lowest, highest), Math.max(lowest, highest)]));
  }
  return { steps, values: steps.map((step) => values[step]!) };
}
