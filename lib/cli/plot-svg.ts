import { axisLabel, type FanChart, ticks, valueRange } from './chart.js';

const WIDTH = 760;
const HEIGHT = 300;
const MARGIN = { left: 64, right: 16, top: 34, bottom: 30 } as const;

const escapeText = (text: string) => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
const round = (value: number) => Number(value.toFixed(2)).toString();

/** A stand-alone SVG document with one fan chart per series, one under the other. */
export function plotSvg(charts: readonly FanChart[]): string {
  const height = HEIGHT * charts.length;
  const body = charts.map((chart, index) => `<g transform="translate(0 ${index * HEIGHT})">\n${panel(chart)}</g>\n`);
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" ` +
    'font-family="system-ui, sans-serif" font-size="12">\n' +
    `<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>\n${body.join('')}</svg>\n`
  );
}

function panel(chart: FanChart): string {
  const [low, high] = valueRange(chart);
  const total = chart.history.length + chart.median.length;
  const plotWidth = WIDTH - MARGIN.left - MARGIN.right;
  const plotHeight = HEIGHT - MARGIN.top - MARGIN.bottom;
  const x = (index: number) => MARGIN.left + (index / Math.max(1, total - 1)) * plotWidth;
  const y = (value: number) => MARGIN.top + ((high - value) / (high - low)) * plotHeight;
  const offset = chart.history.length;

  const parts = [`<text x="${MARGIN.left}" y="20" font-weight="600">${escapeText(chart.title)}</text>\n`];
  parts.push(grid(low, high, y));
  for (const band of chart.bands) {
    const lower = points(band.lower, offset, x, y);
    const upper = points(band.upper, offset, x, y);
    if (lower.length === 0) continue;
    const outline = [...upper, ...lower.reverse()].join(' ');
    parts.push(
      `<polygon points="${outline}" fill="#d97706" fill-opacity="0.16"><title>${band.label}</title></polygon>\n`,
    );
  }
  parts.push(curve(chart.history, 0, '#1f6f8b', x, y));
  parts.push(curve(chart.median, offset, '#b45309', x, y));
  const boundary = round(x(Math.max(0, offset - 0.5)));
  parts.push(
    `<line x1="${boundary}" x2="${boundary}" y1="${MARGIN.top}" y2="${HEIGHT - MARGIN.bottom}" stroke="#999" stroke-dasharray="3 3"/>\n`,
  );
  parts.push(times(chart, x, offset));
  return parts.join('');
}

function grid(low: number, high: number, y: (value: number) => number): string {
  const marks = ticks(low, high, 5);
  const step = marks.length > 1 ? (marks[1] as number) - (marks[0] as number) : high - low;
  return marks
    .map((mark) => {
      const at = round(y(mark));
      return (
        `<line x1="${MARGIN.left}" x2="${WIDTH - MARGIN.right}" y1="${at}" y2="${at}" stroke="#e5e5e5"/>` +
        `<text x="${MARGIN.left - 8}" y="${at}" text-anchor="end" dominant-baseline="middle" fill="#555">${axisLabel(mark, step)}</text>\n`
      );
    })
    .join('');
}

function points(
  values: ArrayLike<number>,
  offset: number,
  x: (index: number) => number,
  y: (value: number) => number,
): string[] {
  const result: string[] = [];
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    if (Number.isFinite(value)) result.push(`${round(x(offset + i))},${round(y(value))}`);
  }
  return result;
}

/** A polyline for every unbroken run of values; a missing value leaves a gap, a lone value is a dot. */
function curve(
  values: ArrayLike<number>,
  offset: number,
  color: string,
  x: (index: number) => number,
  y: (value: number) => number,
): string {
  let text = '';
  let start = 0;
  const flush = (end: number) => {
    const run = points(Array.prototype.slice.call(values, start, end), offset + start, x, y);
    if (run.length === 1) {
      const [cx, cy] = (run[0] as string).split(',');
      text += `<circle cx="${cx}" cy="${cy}" r="1.5" fill="${color}"/>\n`;
    } else if (run.length > 1) {
      text += `<polyline points="${run.join(' ')}" fill="none" stroke="${color}" stroke-width="1.5"/>\n`;
    }
  };
  for (let i = 0; i <= values.length; i++) {
    if (i < values.length && Number.isFinite(values[i])) continue;
    if (i > start) flush(i);
    start = i + 1;
  }
  return text;
}

function times(chart: FanChart, x: (index: number) => number, offset: number): string {
  const at = HEIGHT - MARGIN.bottom + 18;
  const [first, last] = chart.historyTimes;
  const label = (position: number, anchor: string, text: string) =>
    `<text x="${round(position)}" y="${at}" text-anchor="${anchor}" fill="#555">${escapeText(text)}</text>\n`;
  return (
    label(MARGIN.left, 'start', first) +
    label(x(Math.max(0, offset - 1)), 'middle', last) +
    label(WIDTH - MARGIN.right, 'end', chart.lastForecastTime)
  );
}
