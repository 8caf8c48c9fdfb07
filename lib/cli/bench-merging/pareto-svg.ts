import { axisLabel, ticks } from '../chart.js';
import type { MergingReport } from './report.js';

const WIDTH = 760;
const HEIGHT = 320;
const MARGIN = { left: 64, right: 190, top: 34, bottom: 40 } as const;
const COLORS = ['#1f6f8b', '#b45309', '#4d7c0f', '#7e22ce', '#be123c', '#0f766e'] as const;

/** One setting of a model on one data set. */
export interface ParetoPoint {
  readonly model: string;
  readonly setting: string;
  readonly merged: boolean;
  /** Series a second. */
  readonly speed: number;
  readonly mse: number;
}

export interface ParetoPanel {
  readonly title: string;
  readonly points: readonly ParetoPoint[];
}

const escapeText = (text: string) => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
const round = (value: number) => Number(value.toFixed(2)).toString();

/** MSE against series a second on the test windows of every data set. */
export function paretoPanels({ accuracy, models, data }: MergingReport): ParetoPanel[] {
  return data.map(({ name }) => ({
    title: `${name}: test MSE against series a second`,
    points: accuracy
      .filter((own) => own.data === name && own.part === 'test')
      .flatMap(({ model, rows }) => {
        const { speed } = models.find((candidate) => candidate.name === model)!;
        return rows.map(({ setting, scores }, i) => ({
          model,
          setting,
          merged: i > 0,
          speed: speed.find((row) => row.setting === setting)!.seriesPerSecond,
          mse: scores.mse,
        }));
      }),
  }));
}

/** The points that no other one beats in both, fastest last. */
export function paretoFront(points: readonly ParetoPoint[]): ParetoPoint[] {
  const fastestFirst = [...points].sort((a, b) => b.speed - a.speed || a.mse - b.mse);
  let least = Infinity;
  return fastestFirst
    .filter(({ mse }) => {
      if (mse >= least) return false;
      least = mse;
      return true;
    })
    .reverse();
}

/** A stand-alone SVG document with one panel per data set. Squares are unmerged models, dots merged ones, the line is the Pareto front. */
export function paretoSvg(panels: readonly ParetoPanel[]): string {
  const height = HEIGHT * Math.max(1, panels.length);
  const body = panels.map((own, index) => `<g transform="translate(0 ${index * HEIGHT})">\n${panel(own)}</g>\n`);
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" ` +
    'font-family="system-ui, sans-serif" font-size="12">\n' +
    `<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>\n${body.join('')}</svg>\n`
  );
}

function panel({ title, points }: ParetoPanel): string {
  const models = [...new Set(points.map(({ model }) => model))];
  const color = (model: string) => COLORS[models.indexOf(model) % COLORS.length]!;
  const across = axis(
    points.map(({ speed }) => Math.log10(speed)),
    MARGIN.left,
    WIDTH - MARGIN.right,
  );
  const up = axis(
    points.map(({ mse }) => mse),
    HEIGHT - MARGIN.bottom,
    MARGIN.top,
  );
  const place = ({ speed, mse }: ParetoPoint) => [round(across.at(Math.log10(speed))), round(up.at(mse))] as const;
  const front = paretoFront(points).map((point) => place(point).join(','));
  return [
    `<text x="${MARGIN.left}" y="20" font-weight="600">${escapeText(title)}</text>\n`,
    rateMarks(across),
    errorMarks(up),
    `<polyline points="${front.join(' ')}" fill="none" stroke="#999" stroke-dasharray="3 3"/>\n`,
    ...points.map((point) => {
      const [x, y] = place(point);
      const told = `<title>${escapeText(`${point.model} ${point.setting}: ${axisLabel(point.speed, 1)} series/s, MSE ${round4(point.mse)}`)}</title>`;
      if (point.merged)
        return `<circle cx="${x}" cy="${y}" r="4" fill="${color(point.model)}" fill-opacity="0.7">${told}</circle>\n`;
      const corner = [round(Number(x) - 5), round(Number(y) - 5)];
      return `<rect x="${corner[0]}" y="${corner[1]}" width="10" height="10" fill="#ffffff" stroke="${color(point.model)}" stroke-width="2.5">${told}</rect>\n`;
    }),
    legend(models, color),
  ].join('');
}

const round4 = (value: number) => Number(value.toPrecision(4)).toString();

interface Axis {
  readonly low: number;
  readonly high: number;
  at(value: number): number;
}

/** From the range of the numbers, with a margin, to pixels. */
function axis(numbers: readonly number[], from: number, to: number): Axis {
  const [least, most] = numbers.length > 0 ? [Math.min(...numbers), Math.max(...numbers)] : [0, 1];
  const margin = 0.06 * (most - least) || 0.05 * Math.abs(most) || 1;
  const [low, high] = [least - margin, most + margin];
  return { low, high, at: (value) => from + ((value - low) / (high - low)) * (to - from) };
}

function errorMarks({ low, high, at }: Axis): string {
  const marks = ticks(low, high, 5);
  const step = marks.length > 1 ? marks[1]! - marks[0]! : high - low;
  return marks
    .map((mark) => {
      const y = round(at(mark));
      return (
        `<line x1="${MARGIN.left}" x2="${WIDTH - MARGIN.right}" y1="${y}" y2="${y}" stroke="#e5e5e5"/>` +
        `<text x="${MARGIN.left - 8}" y="${y}" text-anchor="end" dominant-baseline="middle" fill="#555">${axisLabel(mark, step)}</text>\n`
      );
    })
    .join('');
}

/** The rates are on a logarithmic axis: 1, 2 and 5 times powers of ten, or round numbers where those are too few. */
function rateMarks({ low, high, at }: Axis): string {
  const decades = Array.from({ length: Math.ceil(high) - Math.floor(low) + 1 }, (_, i) => Math.floor(low) + i);
  const round = decades.flatMap((decade) => [1, 2, 5].map((digit) => digit * 10 ** decade));
  const inside = (rate: number) => Math.log10(rate) >= low && Math.log10(rate) <= high;
  const few = round.filter(inside).length < 2;
  const marks = (few ? ticks(10 ** low, 10 ** high, 4) : round).filter(inside);
  const y = HEIGHT - MARGIN.bottom;
  const label = (x: number, text: string) =>
    `<text x="${x.toFixed(2)}" y="${y + 18}" text-anchor="middle" fill="#555">${text}</text>\n`;
  return marks
    .map((mark) => {
      const x = at(Math.log10(mark));
      return `<line x1="${x.toFixed(2)}" x2="${x.toFixed(2)}" y1="${MARGIN.top}" y2="${y}" stroke="#e5e5e5"/>${label(x, Number(mark.toPrecision(3)).toString())}`;
    })
    .join('');
}

function legend(models: readonly string[], color: (model: string) => string): string {
  const x = WIDTH - MARGIN.right + 14;
  const line = (row: number, mark: string, text: string) =>
    `${mark}<text x="${x + 16}" y="${MARGIN.top + 18 * row + 4}" fill="#333">${escapeText(text)}</text>\n`;
  const at = (row: number) => MARGIN.top + 18 * row;
  const kinds = [
    line(
      0,
      `<rect x="${x - 5}" y="${at(0) - 5}" width="10" height="10" fill="#ffffff" stroke="#333" stroke-width="2.5"/>`,
      'unmerged',
    ),
    line(1, `<circle cx="${x}" cy="${at(1)}" r="4" fill="#333" fill-opacity="0.7"/>`, 'merged'),
  ];
  const named = models.map((model, i) =>
    line(
      i + 2,
      `<circle cx="${x}" cy="${at(i + 2)}" r="4" fill="${color(model)}"/>`,
      model.length > 24 ? `${model.slice(0, 23)}…` : model,
    ),
  );
  return [...kinds, ...named].join('');
}
