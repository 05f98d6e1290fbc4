// Percentile curves of the series that are selected, and the same as numbers.

import { $, el, svg, whenSeen } from './dom.js';
import { estimate, ns } from './format.js';
import { size } from './histogram.js';
import { logScale, ticks } from './scale.js';
import { letter, letters, on, state, toggle } from './state.js';

const height = 250;
const pad = { left: 52, right: 22, top: 10, bottom: 26 };
const percentiles = [0.5, 0.9, 0.99, 0.999];

// across puts a quantile on the axis: each nine takes the same room.
const across = (q) => -Math.log10(1 - q);

// stairs returns the curve of a series: for each bucket, up to where on the axis
// the calls have its middle. A quantile is a step, which shows where calls are few.
function stairs({ buckets, model: { bounds }, min, max }) {
  const n = size(buckets);
  let below = 0;
  return buckets.slots.map((slot, i) => {
    below += buckets.counts[i];
    const middle = (Math.max(bounds[slot], min) + Math.min(bounds[slot + 1], max)) / 2;
    return [across(Math.min(below, n - 0.5) / n), middle];
  });
}

export function curves() {
  const section = $('curves');
  const body = el('div');
  section.append(body);
  const draw = () => {
    const shown = state.selected.filter((s) => s && s.buckets.slots.length > 0);
    body.replaceChildren();
    if (shown.length === 0) {
      body.append(el('p', { class: 'empty' }, 'Select up to six series, in the heat map or in the table, to compare them.'));
      return;
    }
    body.append(chart(shown, Math.max(body.clientWidth, 200)), numbers(shown));
  };
  const redraw = whenSeen(section, draw);
  on('selected', redraw);
}

function chart(shown, width) {
  const w = width - pad.left - pad.right;
  const h = height - pad.top - pad.bottom;
  const lines = shown.map((s) => ({ s, path: stairs(s) }));
  const most = Math.max(2, ...lines.map(({ path }) => path[path.length - 1][0]));
  const lo = Math.min(...shown.map((s) => s.min));
  const hi = Math.max(...shown.map((s) => s.max), lo * 1.1 + 1);
  const y = logScale(lo / 1.15, hi * 1.15);
  const px = (a) => ((a / most) * w).toFixed(1);
  const py = (t) => (h * (1 - y(t))).toFixed(1);
  const grid = [];
  for (const { value, label } of ticks(lo / 1.15, hi * 1.15, 6)) {
    grid.push(svg('line', { class: 'grid', x1: 0, x2: w, y1: py(value), y2: py(value) }), svg('text', { x: -8, y: Number(py(value)) + 4, 'text-anchor': 'end' }, label));
  }
  const marks = [0, 0.5, ...Array.from({ length: 12 }, (_, i) => 1 - 10 ** -(i + 1))].filter((q) => across(q) <= most);
  let free = -Infinity; // where there is room for a label
  marks.forEach((q) => {
    const at = px(across(q));
    grid.push(svg('line', { class: 'grid', x1: at, x2: at, y1: 0, y2: h }));
    if (q === 0 || at < free) return;
    free = Number(at) + 48;
    grid.push(svg('text', { x: at, y: h + 18, 'text-anchor': 'middle' }, percentName(q)));
  });
  // The letters at the ends keep apart.
  const ends = lines.map(({ path }) => path[path.length - 1].map((v, i) => Number(i === 0 ? px(v) : py(v))));
  const order = ends.slice().sort((a, b) => a[1] - b[1]);
  order.forEach((end, i) => order.slice(0, i).forEach((other) => {
    if (Math.abs(other[0] - end[0]) < 14 && end[1] < other[1] + 13) end[1] = other[1] + 13;
  }));
  const drawn = lines.map(({ s, path }, i) => {
    const mark = letter(s);
    const [endX, endY] = ends[i];
    return svg('g', { class: `curve ${mark}`, 'data-series': s.id },
      svg('path', { d: `M0 ${py(path[0][1])}${path.map(([a, t]) => `V${py(t)}H${px(a)}`).join('')}` }),
      svg('text', { class: 'end', x: endX + 5, y: endY + 4 }, mark));
  });
  const label = `Percentile curves of ${shown.map((s) => `${letter(s)}: ${s.name}`).join('; ')}. The table below has the numbers.`;
  return svg('svg', { class: 'ticks chart', width, height, role: 'img', 'aria-label': label },
    svg('g', { transform: `translate(${pad.left} ${pad.top})` }, grid, drawn));
}

const percentName = (q) => `p${Number((100 * q).toPrecision(12))}`;

// numbers is the table below the curves.
function numbers(shown) {
  return el('div', { class: 'scroll', role: 'region', tabindex: 0, 'aria-label': 'Percentiles of the selected series' },
    el('table', { class: 'percentiles' },
      el('thead', {}, el('tr', {}, el('th', { scope: 'col' }, 'series'), percentiles.map((q) => el('th', { scope: 'col', class: 'num' }, percentName(q))),
        el('th', { scope: 'col', class: 'num' }, 'max'), el('th', { scope: 'col' }, el('span', { class: 'hidden' }, 'remove')))),
      el('tbody', {}, shown.map((s) => el('tr', {},
        el('th', { scope: 'row', title: s.name }, el('span', { class: 'which' }, el('span', { class: `badge ${letter(s)}` }, letter(s)), el('span', { class: 'label' }, s.label || s.fn.name))),
        percentiles.map((q) => el('td', { class: 'num' }, enough(s, q) ? estimate(s.quantile(q)) : '–')),
        el('td', { class: 'num' }, ns(s.max)),
        el('td', {}, el('button', { type: 'button', class: 'remove', 'aria-label': `remove ${s.name}`, onclick: () => remove(s) }, '×'))))),
      el('caption', {}, `Middles of buckets, at most 2.2% off; max is exact. ${shown.some((s) => !enough(s, 0.999)) ? '– marks a percentile for which there are too few calls. ' : ''}`)));
}

// enough says whether any call is beyond the quantile.
const enough = (s, q) => s.count * (1 - q) >= 0.999;

function remove(s) {
  const at = letters.indexOf(letter(s));
  toggle(s);
  const rest = [...document.querySelectorAll('#curves .remove')];
  (rest[Math.min(at, rest.length - 1)] ?? $('filter')).focus();
}

