import { type FanChart, valueRange } from './chart.js';
import { curve, escapeText, grid, HEIGHT, MARGIN, points, round, svgDocument, WIDTH } from './svg-panel.js';

/** A stand-alone SVG document with one fan chart per series, one under the other. */
export function plotSvg(charts: readonly FanChart[]): string {
  return svgDocument(charts.map(panel));
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
