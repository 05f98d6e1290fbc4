// The table of all series.

import { $, el } from './dom.js';
import { count, estimate, many, ns, share } from './format.js';
import { matcher } from './model.js';
import { strip } from './rows.js';
import { columns } from './scale.js';
import { letter, on, state, toggle } from './state.js';
import { table } from './table.js';

const stripWidth = 120;

// time writes one of a series that was timed.
const drawable = (s) => s.buckets.slots.length > 0;
const time = (s, value) => (drawable(s) ? ns(value) : '-');

export function series(model) {
  const quantile = (head, q) => ({
    id: head.replace('.', ''), head, num: true, sort: (s) => s.quantile(q).mid, cell: (s) => estimate(s.quantile(q)),
  });
  const drops = model.series.some((s) => s.lost > 0);
  const keyed = model.functions.some((f) => f.by.length > 0);
  const timed = model.timed;
  const cols = [
    timed && { id: 'pick', head: 'compare', quiet: true, cell: pick },
    { id: 'function', head: 'function', sort: (s) => s.fn.name, cell: (s) => el('span', { class: 'label', title: s.fn.details }, s.fn.name) },
    keyed && { id: 'key', head: 'key', sort: (s) => s.keyText, cell: (s) => el('span', { class: 'label', title: s.keyText }, s.keyText || 'all calls') },
    { id: 'calls', head: 'calls', num: true, sort: (s) => s.count, cell: (s) => count(s.count) },
    ...(timed ? [
      quantile('p50', 0.5), quantile('p90', 0.9), quantile('p99', 0.99), quantile('p99.9', 0.999),
      { id: 'max', head: 'max', num: true, sort: (s) => s.max, cell: (s) => time(s, s.max) },
      { id: 'total', head: 'total', num: true, title: 'the time of all calls together', sort: (s) => s.sum, cell: (s) => time(s, s.sum) },
      { id: 'self', head: 'self', num: true, title: 'the part of it not spent in other measured functions', sort: (s) => s.self, cell: (s) => time(s, s.self) },
      { id: 'share', head: 'share', num: true, title: 'of the time of all series', sort: (s) => s.sum, cell: (s) => (drawable(s) ? share(s.sum, model.sum) : '-') },
      drops && { id: 'lost', head: 'lost', num: true, title: 'the part of total that went to waits which dropped packets caused', sort: (s) => s.lost, cell: (s) => time(s, s.lost) },
      { id: 'distribution', head: 'latency', cell: distribution },
    ] : []),
  ].filter(Boolean);

  const buckets = columns(0, model.bounds.length - 1, stripWidth, 3);
  function distribution(s) {
    if (!drawable(s)) return el('span', { class: 'dim' }, 'not timed');
    const canvas = el('canvas', { role: 'img', 'aria-label': `from ${ns(s.min)} to ${ns(s.max)}` });
    strip(canvas, s, buckets, stripWidth, 16);
    return canvas;
  }

  function pick(s) {
    if (!drawable(s)) return '';
    const mark = letter(s);
    return el('button', { type: 'button', class: 'pick', 'aria-pressed': String(mark !== ''), 'aria-label': `compare ${s.name}` }, el('span', { class: `badge ${mark}`, 'aria-hidden': 'true' }, mark));
  }

  const t = table({
    id: 'series-table', columns: cols, noun: 'series', sort: timed ? 'total' : 'calls',
    row: (s) => ({ 'data-series': s.id, class: letter(s) ? 'chosen' : null, onclick: drawable(s) ? () => choose(s) : null }),
  });
  // The row is drawn anew, so the focus goes to the new button.
  function choose(s) {
    const focused = t.element.contains(document.activeElement);
    toggle(s);
    if (focused) t.element.querySelector(`tr[data-series="${s.id}"] button`)?.focus();
  }
  if (!timed && model.count > 0) $('series').append(el('p', {}, 'The calls were counted, not timed: their ends cannot be caught.'));
  $('series').append(t.element);

  const show = () => {
    const match = matcher(state.filter);
    const rows = model.series.filter(match);
    $('matches').textContent = state.filter ? `${many(rows.length, 'series')} of ${count(model.series.length)}` : '';
    t.show(rows);
  };
  show();
  on('filter', show);
  on('selected', t.draw);
  on('theme', t.draw);
}
