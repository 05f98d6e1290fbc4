// The heat map over time: slices from left to right, latency from the bottom up.

import { el, surface, svg } from './dom.js';
import { calls, estimate, ns, share } from './format.js';
import { quantile, size } from './histogram.js';
import { sign } from './rows.js';
import { columnTicks, columns, heatColor, place, range, span, spread } from './scale.js';
import { chosen, dark, letter } from './state.js';

const height = 168;
const left = 52; // of the labels

// overTime fills body with a picture of all series of fn and one of each that is
// selected.
export function overTime(body, model, fn, say) {
  if (model.ends.length === 0) {
    body.append(el('p', {}, 'This recording does not say how it went. ', el('code', {}, 'latch record -i 1s -o page.html'), ' keeps a slice for each second.'));
    return;
  }
  const { first, end } = range([fn.total]);
  const cols = columns(first, end, height, 5);
  const width = Math.max(body.clientWidth - left, 120);
  const shown = fn.series.length > 1 ? [fn.total, ...chosen().filter((s) => s.fn === fn)] : [fn.total];
  for (const one of shown) body.append(picture(model, one, cols, width, say));
  body.append(el('p', { class: 'legend dim' },
    el('span', {}, `${dark() ? 'brightest' : 'darkest'}: most calls`),
    el('span', {}, sign('M0 5h18v2h-18z'), ' p50'), el('span', {}, sign('M0 5h5v2h-5zM7 5h5v2h-5zM14 5h4v2h-4z'), ' p99'),
    shown.length === 1 && fn.series.length > 1 && el('span', {}, 'select series to see each over time')));
}

function picture(model, one, cols, width, say) {
  const mark = letter(one);
  const title = el('p', { class: 'name' }, mark && el('span', { class: `badge ${mark}` }, mark), one.keyText || one.fn.name);
  if (one.slices === undefined) return el('div', {}, title, el('p', { class: 'dim' }, 'The page has no room for the slices of this series; the recording has them.'));
  const { ends, bounds } = model;
  const whole = ends[ends.length - 1];
  const x = (t) => (t / whole) * width;
  const grid = one.slices.map((h) => spread(h, cols));
  const most = Math.max(1, ...grid.map((cells) => Math.max(...cells)));
  const numbers = one.slices.map((h) => [0.5, 0.99].map((q) => quantile(h, q, bounds, one.min, one.max)));
  const step = height / cols.n;
  const begin = (i) => (i === 0 ? 0 : ends[i - 1]);
  const canvas = el('canvas', { tabindex: 0, role: 'slider', 'aria-label': `latency of ${one.name} over time`, 'aria-valuemin': 0, 'aria-valuemax': ends.length - 1, 'aria-valuenow': 0 });
  const cursor = svg('rect', { class: 'cursor', height: step, visibility: 'hidden' });

  const context = surface(canvas, width, height);
  grid.forEach((cells, i) => cells.forEach((n, j) => {
    context.fillStyle = heatColor(n === 0 ? 0 : 0.12 + 0.88 * Math.sqrt(n / most));
    const from = Math.floor(x(begin(i)));
    context.fillRect(from, height - (j + 1) * step, Math.ceil(x(ends[i])) - from, Math.ceil(step));
  }));

  const y = place(bounds, cols);
  const line = (k, name) => {
    let path = '';
    numbers.forEach((q, i) => {
      if (q[k].n === 0) return;
      const at = (height * (1 - y(q[k].mid))).toFixed(1);
      path += `${path === '' || numbers[i - 1]?.[k].n === 0 ? 'M' : 'L'}${x(begin(i)).toFixed(1)} ${at}H${x(ends[i]).toFixed(1)}`;
    });
    return [svg('path', { class: 'halo', d: path }), svg('path', { class: name, d: path })];
  };
  const levels = columnTicks(bounds, cols, 6).map(({ value, label }) => {
    const at = height * (1 - y(value));
    return svg('g', {}, svg('line', { x1: -5, x2: 0, y1: at, y2: at }), svg('text', { x: -8, y: Math.min(Math.max(at + 4, 10), height), 'text-anchor': 'end' }, label));
  });
  const times = timeTicks(whole, Math.max(2, Math.floor(width / 70))).map((t) => svg('g', {},
    svg('line', { x1: x(t), x2: x(t), y1: height, y2: height + 5 }),
    svg('text', { x: x(t), y: height + 18, 'text-anchor': t === 0 ? 'start' : x(t) > width - 20 ? 'end' : 'middle' }, t === 0 ? '0' : round(t))));
  const over = svg('svg', { class: 'ticks over', width: left + width, height: height + 24, 'aria-hidden': 'true' },
    svg('g', { transform: `translate(${left} 0)` }, levels, times, line(0, 'p50'), line(1, 'p99'), cursor));

  let at;
  const move = (i, j) => {
    at = i === undefined ? undefined : [Math.min(Math.max(i, 0), ends.length - 1), Math.min(Math.max(j, 0), cols.n - 1)];
    cursor.setAttribute('visibility', at ? 'visible' : 'hidden');
    if (!at) return say('');
    [i, j] = at;
    cursor.setAttribute('x', x(begin(i)));
    cursor.setAttribute('width', Math.max(x(ends[i]) - x(begin(i)), 2));
    cursor.setAttribute('y', height - (j + 1) * step);
    const n = size(one.slices[i]);
    const text = `${ns(begin(i))} to ${ns(ends[i])}: ${calls(n)}` + (n === 0 ? '' :
      `, p50 ${estimate(numbers[i][0])}, p99 ${estimate(numbers[i][1])}; ${share(grid[i][j], n)} took ${span(bounds, cols, j)}`);
    canvas.setAttribute('aria-valuenow', i);
    canvas.setAttribute('aria-valuetext', text);
    say(text);
  };
  const start = () => [0, Math.max(0, grid[0].indexOf(Math.max(...grid[0])))];
  for (const what of ['pointermove', 'pointerdown']) {
    canvas.addEventListener(what, (e) => {
      const t = (e.offsetX / width) * whole;
      move(ends.findIndex((to) => t <= to), Math.floor((height - e.offsetY) / step));
    });
  }
  canvas.addEventListener('pointerleave', () => move());
  canvas.addEventListener('focus', () => canvas.matches(':focus-visible') && move(...(at ?? start())));
  canvas.addEventListener('blur', () => move());
  canvas.addEventListener('keydown', (e) => {
    const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1], Home: [-Infinity, 0], End: [Infinity, 0] }[e.key];
    if (!by) return;
    const [i, j] = at ?? start();
    move(i + by[0], j + by[1]);
    e.preventDefault();
  });
  return el('div', { class: 'picture' }, title, el('div', { class: 'plot' }, canvas, over));
}

// round writes a time without zeros behind the point.
const round = (t) => ns(t).replace(/\.(\d*?)0+(?=\D)/, (_, digits) => (digits ? `.${digits}` : ''));

// timeTicks returns at most so many round times from 0 on.
function timeTicks(whole, most) {
  const steps = [1, 2, 5, 10, 20, 50, 100, 200, 500].flatMap((n) => [n * 1e3, n * 1e6, n * 1e9]).concat([60, 120, 300, 600, 1800, 3600, 7200, 21600, 86400].map((s) => s * 1e9));
  const step = steps.sort((a, b) => a - b).find((s) => whole / s <= most) ?? whole;
  const out = [];
  for (let t = 0; t <= whole; t += step) out.push(t);
  return out;
}
