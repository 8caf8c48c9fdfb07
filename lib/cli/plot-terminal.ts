import { axisLabel, type FanChart, ticks, valueRange } from './chart.js';

export interface TerminalPlotOptions {
  /** Width in characters. */
  readonly width: number;
  /** Height of the drawing in lines, without title and axis. */
  readonly height: number;
  readonly color: boolean;
}

/** Bits of a braille character's dots, indexed [row][column]. */
const BRAILLE = [
  [0x01, 0x08],
  [0x02, 0x10],
  [0x04, 0x20],
  [0x40, 0x80],
] as const;
const SHADES = ['░', '▒', '▓'] as const;
const COLORS = { history: '\x1b[36m', median: '\x1b[33m', band: '\x1b[90m', reset: '\x1b[0m' } as const;

/** A grid of characters, each of 2 x 4 dots. */
class Canvas {
  readonly width: number;
  readonly height: number;
  readonly dots: Uint8Array;
  readonly kinds: ('history' | 'median' | 'band' | undefined)[];
  readonly shades: (string | undefined)[];

  constructor(width: number, height: number) {
    this.width = width;
    this.height = height;
    this.dots = new Uint8Array(width * height);
    this.kinds = new Array(width * height);
    this.shades = new Array(width * height);
  }

  dot(x: number, y: number, kind: 'history' | 'median'): void {
    const column = x >> 1;
    const row = y >> 2;
    if (column < 0 || row < 0 || column >= this.width || row >= this.height) return;
    const cell = row * this.width + column;
    const bit = BRAILLE[y & 3]?.[x & 1] ?? 0;
    this.dots[cell] = (this.dots[cell] ?? 0) | bit;
    this.kinds[cell] = kind;
  }

  /** A connected stroke: every dot row between two neighbouring points is set. */
  stroke(x0: number, y0: number, x1: number, y1: number, kind: 'history' | 'median'): void {
    const steps = Math.max(Math.abs(x1 - x0), Math.abs(y1 - y0), 1);
    for (let i = 0; i <= steps; i++) {
      this.dot(Math.round(x0 + ((x1 - x0) * i) / steps), Math.round(y0 + ((y1 - y0) * i) / steps), kind);
    }
  }

  shade(column: number, row: number, character: string): void {
    if (column < 0 || row < 0 || column >= this.width || row >= this.height) return;
    this.shades[row * this.width + column] = character;
  }

  line(row: number, color: boolean): string {
    let text = '';
    for (let column = 0; column < this.width; column++) {
      const cell = row * this.width + column;
      const dots = this.dots[cell] ?? 0;
      const character = dots ? String.fromCharCode(0x2800 + dots) : (this.shades[cell] ?? ' ');
      const kind = dots ? this.kinds[cell] : this.shades[cell] ? 'band' : undefined;
      text += color && kind ? COLORS[kind] + character + COLORS.reset : character;
    }
    return text;
  }
}

/** Draws the chart with braille lines for history and median and shades for the bands. */
export function plotTerminal(chart: FanChart, { width, height, color }: TerminalPlotOptions): string {
  const [low, high] = valueRange(chart);
  const marks = ticks(low, high, Math.max(2, Math.floor(height / 4)));
  const step = marks.length > 1 ? (marks[1] as number) - (marks[0] as number) : high - low;
  const labels = marks.map((mark) => axisLabel(mark, step));
  const gutter = Math.max(...labels.map((label) => label.length), 4);
  const canvas = new Canvas(Math.max(20, width - gutter - 3), height);

  const total = chart.history.length + chart.median.length;
  const x = (index: number) => Math.round((index / Math.max(1, total - 1)) * (canvas.width * 2 - 1));
  const y = (value: number) => Math.round(((high - value) / (high - low)) * (canvas.height * 4 - 1));

  drawBands(canvas, chart, x, y);
  drawCurve(canvas, chart.history, 0, 'history', x, y);
  drawCurve(canvas, chart.median, chart.history.length, 'median', x, y);

  const byRow = new Map(marks.map((mark, index) => [y(mark) >> 2, labels[index] as string]));
  const lines = [' '.repeat(gutter + 3) + chart.title];
  for (let row = 0; row < canvas.height; row++) {
    const label = byRow.get(row);
    lines.push(
      `${(label ?? '').padStart(gutter)} ${label === undefined ? '│' : '┤'} ${canvas.line(row, color)}`.trimEnd(),
    );
  }
  lines.push(`${' '.repeat(gutter + 1)}└${'─'.repeat(canvas.width + 1)}`);
  lines.push(' '.repeat(gutter + 3) + timeAxis(chart, canvas.width));
  lines.push(' '.repeat(gutter + 3) + legend(chart, color));
  return `${lines.join('\n')}\n`;
}

function drawCurve(
  canvas: Canvas,
  values: ArrayLike<number>,
  offset: number,
  kind: 'history' | 'median',
  x: (index: number) => number,
  y: (value: number) => number,
): void {
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    if (!Number.isFinite(value)) continue;
    const previous = i > 0 ? (values[i - 1] as number) : Number.NaN;
    if (Number.isFinite(previous)) canvas.stroke(x(offset + i - 1), y(previous), x(offset + i), y(value), kind);
    else canvas.dot(x(offset + i), y(value), kind);
  }
}

function drawBands(canvas: Canvas, chart: FanChart, x: (index: number) => number, y: (value: number) => number): void {
  const horizon = chart.median.length;
  const offset = chart.history.length;
  const firstColumn = x(offset) >> 1;
  const lastColumn = x(offset + horizon - 1) >> 1;
  chart.bands.forEach((band, order) => {
    const character = SHADES[Math.min(order, SHADES.length - 1)] as string;
    for (let column = firstColumn; column <= lastColumn; column++) {
      const share = lastColumn === firstColumn ? 0 : (column - firstColumn) / (lastColumn - firstColumn);
      const at = Math.round(share * (horizon - 1));
      const upper = band.upper[at] as number;
      const lower = band.lower[at] as number;
      if (!Number.isFinite(upper) || !Number.isFinite(lower)) continue;
      for (let row = y(upper) >> 2; row <= y(lower) >> 2; row++) canvas.shade(column, row, character);
    }
  });
}

function timeAxis(chart: FanChart, width: number): string {
  const [first, last] = chart.historyTimes;
  const total = chart.history.length + chart.median.length;
  const split = Math.round((chart.history.length / Math.max(1, total)) * width);
  let line = first;
  if (split - last.length > line.length + 1) line = line.padEnd(split - last.length) + last;
  const end = chart.lastForecastTime;
  if (width - end.length > line.length + 1) line = line.padEnd(width - end.length) + end;
  return line;
}

function legend(chart: FanChart, color: boolean): string {
  const paint = (kind: keyof typeof COLORS, text: string) => (color ? COLORS[kind] + text + COLORS.reset : text);
  const bands = chart.bands
    .filter((_, order) => order < SHADES.length)
    .map((band, order) => paint('band', `${SHADES[order]} ${band.label}`));
  return [paint('history', '⠒⠒ history'), paint('median', '⠒⠒ median'), ...bands].join('   ');
}
