// The heat map by argument: a row of latency buckets for each series.

import { el, surface, svg } from './dom.js';
import { calls, estimate, share } from './format.js';
import { size } from './histogram.js';
import { columnTicks, columns, heatColor, place, range, span, spread } from './scale.js';
import { dark, letter, toggle } from './state.js';

const height = 26;

// strip draws a series' buckets from left to right, and where its median and its
// 99th percentile are: a line, and a pair of wedges.
export function strip(canvas, series, cols, width, tall, cursor) {
  const context = surface(canvas, width, tall);
  const cells = spread(series.buckets, cols);
  const most = Math.max(...cells, 1);
  const step = width / cols.n;
  cells.forEach((n, i) => {
    context.fillStyle = heatColor(n === 0 ? 0 : 0.12 + 0.88 * Math.sqrt(n / most));
    context.fillRect(i * step, 0, Math.ceil(step), tall);
  });
  const { bounds } = series.model;
  const x = place(bounds, cols);
  const ink = dark() ? ['#0c121a', '#ffffff'] : ['#ffffff', '#101418'];
  const at = (q) => Math.min(Math.max(x(series.quantile(q).mid) * width, 1.5), width - 1.5);
  for (const [i, color] of ink.entries()) {
    context.fillStyle = color;
    const half = i === 0 ? 2 : 1;
    context.fillRect(at(0.5) - half, 0, 2 * half, tall);
    const p99 = at(0.99);
    const reach = i === 0 ? 6 : 4.5;
    for (const [from, to] of [[0, reach], [tall, tall - reach]]) {
      context.beginPath();
      context.moveTo(p99 - reach, from);
      context.lineTo(p99 + reach, from);
      context.lineTo(p99, to);
      context.fill();
    }
  }
  if (cursor !== undefined) {
    context.strokeStyle = ink[1];
    context.lineWidth = 2;
    context.strokeRect(cursor * step, 1, Math.max(step, 3), tall - 2);
  }
}

// byArgument fills body with rows and their axis. say is told of the bucket that
// the reader is at.
export function byArgument(body, fn, series, say) {
  const all = fn.series.length > 1 ? [fn.total, ...series] : series;
  const { first, end } = range([fn.total]);
  const rows = el('div', { class: 'rows' });
  body.append(rows, legend());
  const probe = el('div', { class: 'strip' });
  rows.append(el('div', { class: 'row' }, el('span'), probe));
  const width = Math.max(probe.clientWidth, 60);
  rows.replaceChildren();
  const cols = columns(first, end, width);
  const canvases = [];
  rows.append(el('div', { class: 'row head', 'aria-hidden': 'true' },
    el('span', { class: 'label' }, fn.parts.map((i) => fn.by[i]).join(', ') || 'all calls'), el('span'), el('span', { class: 'num' }, 'p50'), el('span', { class: 'num' }, 'p99')));
  for (const one of all) rows.append(row(one, cols, width, canvases, say));
  if (canvases.length > 0) canvases[0].tabIndex = 0;
  rows.append(el('div', { class: 'row axis', 'aria-hidden': 'true' }, el('span'), axis(fn.total.model.bounds, cols, width), el('span'), el('span')));
}

function row(one, cols, width, canvases, say) {
  const { bounds } = one.model;
  const label = one.label || one.keyText || 'all calls';
  const mark = letter(one);
  const total = one.id === undefined;
  const pick = total
    ? el('span', { class: 'pick total', title: label }, el('span', { class: 'label' }, label))
    : el('button', { type: 'button', class: 'pick', title: label, 'aria-pressed': String(mark !== ''), 'aria-label': `compare ${label}`, onclick: () => again(toggle, one) },
      el('span', { class: `badge ${mark}`, 'aria-hidden': 'true' }, mark), el('span', { class: 'label' }, label));
  const quantiles = [0.5, 0.99].map((q) => estimate(one.quantile(q)));
  const canvas = el('canvas', {
    class: 'strip', role: 'slider', tabindex: -1, 'aria-label': `latency of ${label}: p50 ${quantiles[0]}, p99 ${quantiles[1]}`,
    'aria-valuemin': 0, 'aria-valuemax': cols.n - 1, 'aria-valuenow': 0,
  });
  canvases.push(canvas);
  if (one.buckets.slots.length === 0) return el('div', { class: 'row' }, pick, el('span', { class: 'dim' }, `${calls(one.count)}, not timed`), el('span'), el('span'));

  const cells = spread(one.buckets, cols);
  let at;
  const move = (to) => {
    at = to === undefined ? undefined : Math.min(Math.max(to, 0), cols.n - 1);
    strip(canvas, one, cols, width, height, at);
    if (at === undefined) return say('');
    const text = `${calls(cells[at])} of ${label} took ${span(bounds, cols, at)}: ${share(cells[at], size(one.buckets))} of them`;
    canvas.setAttribute('aria-valuenow', at);
    canvas.setAttribute('aria-valuetext', text);
    say(text);
  };
  const peak = cells.indexOf(Math.max(...cells));
  for (const what of ['pointermove', 'pointerdown']) canvas.addEventListener(what, (e) => move(Math.floor((e.offsetX / width) * cols.n)));
  canvas.addEventListener('pointerleave', () => move(undefined));
  canvas.addEventListener('focus', () => canvas.matches(':focus-visible') && move(at ?? peak));
  canvas.addEventListener('blur', () => move(undefined));
  canvas.addEventListener('keydown', (e) => {
    const by = { ArrowLeft: -1, ArrowRight: 1, PageDown: -10, PageUp: 10, Home: -Infinity, End: Infinity }[e.key];
    if (by !== undefined) move((at ?? peak) + by);
    else if (e.key === 'ArrowUp' || e.key === 'ArrowDown') {
      const next = canvases[canvases.indexOf(canvas) + (e.key === 'ArrowDown' ? 1 : -1)];
      if (next) {
        canvas.tabIndex = -1;
        next.tabIndex = 0;
        next.focus();
      }
    } else if ((e.key === 'Enter' || e.key === ' ') && !total) pick.click();
    else return;
    e.preventDefault();
  });
  strip(canvas, one, cols, width, height);
  return el('div', { class: total ? 'row sum' : 'row' }, pick, canvas,
    quantiles.map((q, i) => el('span', { class: 'num', 'data-label': ['p50', 'p99'][i] }, q)));
}

// again does something that draws the rows anew, and keeps the focus.
function again(act, series) {
  const label = document.activeElement?.getAttribute('aria-label');
  const own = document.activeElement?.closest('#heat');
  act(series);
  if (own && label) [...own.querySelectorAll('button, canvas')].find((e) => e.getAttribute('aria-label') === label)?.focus();
}

function axis(bounds, cols, width) {
  const x = place(bounds, cols);
  const list = columnTicks(bounds, cols, Math.max(2, Math.floor(width / 56)));
  return svg('svg', { class: 'ticks', width, height: 22 }, list.map(({ value, label }) => {
    const at = x(value) * width;
    const anchor = at < 16 ? 'start' : at > width - 16 ? 'end' : 'middle';
    return svg('g', {}, svg('line', { x1: at, x2: at, y1: 0, y2: 5 }), svg('text', { x: at, y: 18, 'text-anchor': anchor }, label));
  }));
}

export const sign = (d) => svg('svg', { class: 'mark', width: 18, height: 12, 'aria-hidden': 'true' }, svg('path', { d }));

// legend explains the colours and the marks.
function legend() {
  const ramp = el('canvas', { class: 'ramp', 'aria-hidden': 'true' });
  const context = surface(ramp, 72, 10);
  for (let i = 0; i < 72; i++) {
    context.fillStyle = heatColor(i / 71);
    context.fillRect(i, 0, 1, 10);
  }
  return el('p', { class: 'legend dim' },
    el('span', {}, 'no call ', ramp, ' the row’s fullest bucket'),
    el('span', {}, sign('M5 0v12h2v-12z'), ' p50'),
    el('span', {}, sign('M1 0h10l-5 5zM1 12h10l-5 -5z'), ' p99'));
}
