// The heat map: one row for each value of the argument, or time from left to right.

import { $, el, radios, whenSeen } from './dom.js';
import { count, many } from './format.js';
import { matcher } from './model.js';
import { byArgument } from './rows.js';
import { on, setFunction, state } from './state.js';
import { overTime } from './time.js';

const rowsPerPage = 10;

export function heat(model) {
  const section = $('heat');
  const functions = model.functions.filter((f) => f.series.length > 0).sort((a, b) => b.total.sum - a.total.sum);
  const select = el('select', { id: 'function', onchange: () => setFunction(model.functions[select.value]) },
    functions.map((f) => el('option', { value: f.index }, f.name)));
  const body = el('div', { class: 'heat-body' });
  const readout = el('p', { class: 'readout', role: 'status' });
  const details = el('p', { class: 'dim details' });
  let mode = 'argument';
  let page = 0;

  const draw = () => {
    const fn = state.fn;
    select.value = fn.index;
    details.textContent = fn.details;
    details.title = fn.details;
    const series = fn.series.filter(matcher(state.filter));
    page = Math.min(page, Math.max(0, Math.ceil(series.length / rowsPerPage) - 1));
    const say = (text) => (readout.textContent = text);
    say('');
    body.replaceChildren();
    if (fn.total.buckets.slots.length === 0) {
      body.append(el('p', {}, `${count(fn.total.count)} calls were counted, not timed: their ends cannot be caught.`));
    } else if (mode === 'time') {
      overTime(body, model, fn, say);
    } else {
      const from = page * rowsPerPage;
      byArgument(body, fn, series.slice(from, from + rowsPerPage), say);
      if (series.length > rowsPerPage) body.append(pager(series.length, from));
    }
  };

  const pager = (n, from) => {
    const go = (to, id) => () => {
      page = to;
      draw();
      ($(id).disabled ? select : $(id)).focus();
    };
    return el('div', { class: 'pager' },
      el('button', { type: 'button', id: 'heat-back', disabled: page === 0, onclick: go(page - 1, 'heat-back') }, '‹ More time'),
      el('span', {}, `${count(from + 1)}–${count(Math.min(n, from + rowsPerPage))} of ${many(n, 'key')}`),
      el('button', { type: 'button', id: 'heat-next', disabled: from + rowsPerPage >= n, onclick: go(page + 1, 'heat-next') }, 'Less time ›'));
  };

  const switcher = radios('Show', 'heat-mode', [['argument', 'By argument'], ['time', 'Over time']], (to) => {
    mode = to;
    draw();
  });
  section.append(
    el('div', { class: 'controls' },
      el('label', { class: 'grow' }, el('span', { class: 'hidden' }, 'Function'), select), switcher),
    details, body, readout);
  const redraw = whenSeen(section, draw);
  on('fn', () => {
    page = 0;
    redraw();
  });
  on('selected', redraw);
  on('theme', redraw);
  on('filter', () => {
    page = 0;
    const match = matcher(state.filter);
    if (!state.fn.series.some(match)) {
      const other = functions.find((f) => f.series.some(match));
      if (other) return setFunction(other);
    }
    redraw();
  });
}
