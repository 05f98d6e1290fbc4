// A table that is sorted by its headings and shown page by page.

import { announce, el } from './dom.js';
import { count, many } from './format.js';

// table makes one. A column has an id, a head, whether it is numeric, sort (the
// value of a row to sort by) and cell (its text or element). noun is what a row
// is; row may return properties of a row's element.
export function table({ id, columns, noun, perPage = 20, sort, row = () => ({}), drawn = () => {} }) {
  let rows = [];
  let page = 0;
  let by = columns.find((c) => c.id === sort);
  let down = by.num === true;

  const heads = columns.map((c) => {
    if (!c.sort) return el('th', { scope: 'col', class: c.id }, el('span', { class: c.quiet ? 'hidden' : null }, c.head));
    const button = el('button', { type: 'button', title: c.title, onclick: () => sortBy(c, by === c ? !down : c.num === true) }, c.head, el('span', { class: 'arrow', 'aria-hidden': 'true' }));
    return el('th', { scope: 'col', class: c.num ? `num ${c.id}` : c.id }, button);
  });
  const select = el('select', { onchange: () => sortBy(columns.find((c) => c.id === select.value), undefined) },
    columns.filter((c) => c.sort).map((c) => el('option', { value: c.id }, c.head)));
  const turn = el('button', { type: 'button', onclick: () => sortBy(by, !down) });
  const body = el('tbody');
  const where = el('span', { role: 'status' });
  const back = el('button', { type: 'button', onclick: () => go(page - 1) }, '‹ Back');
  const next = el('button', { type: 'button', onclick: () => go(page + 1) }, 'Next ›');
  const pager = el('div', { class: 'pager' }, back, where, next);
  const element = el('div', { class: 'table', id },
    el('p', { class: 'sorter' }, el('label', {}, 'Sort by ', select), turn),
    el('div', { class: 'scroll' }, el('table', {}, el('thead', {}, el('tr', {}, heads)), body)), pager);

  // Up and down move between the buttons of the rows.
  body.addEventListener('keydown', (e) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[e.key];
    const line = step && e.target.closest('tr');
    if (!line) return;
    const to = step > 0 ? line.nextElementSibling : line.previousElementSibling;
    const target = to?.querySelector('button');
    if (target) target.focus();
    else if (step > 0 && !next.disabled) {
      go(page + 1);
      body.querySelector('button')?.focus();
    } else if (step < 0 && page > 0) {
      go(page - 1);
      body.lastElementChild?.querySelector('button')?.focus();
    }
    e.preventDefault();
  });

  function go(to) {
    page = to;
    draw();
  }

  function sortBy(column, descending) {
    by = column;
    down = descending ?? column.num === true;
    page = 0;
    arrange();
    draw();
    announce(`sorted by ${by.head}, ${down ? 'largest first' : 'smallest first'}`);
  }

  const compare = (a, b) => {
    const [x, y] = [by.sort(a), by.sort(b)];
    return typeof x === 'string' ? x.localeCompare(y, 'en', { numeric: true }) : x - y;
  };
  const arrange = () => rows.sort((a, b) => (down ? compare(b, a) : compare(a, b)));

  function draw() {
    heads.forEach((head, i) => {
      const own = columns[i] === by;
      if (columns[i].sort) head.setAttribute('aria-sort', own ? (down ? 'descending' : 'ascending') : 'none');
    });
    select.value = by.id;
    turn.textContent = down ? 'Largest first' : 'Smallest first';
    const from = page * perPage;
    const shown = rows.slice(from, from + perPage);
    body.replaceChildren(...shown.map((one) => el('tr', row(one), columns.map((c) => el('td', { class: c.num ? `num ${c.id}` : c.id, 'data-label': c.quiet ? null : c.head }, c.cell(one))))));
    if (rows.length === 0) body.append(el('tr', { class: 'none' }, el('td', { colspan: columns.length }, `No ${noun} matches.`)));
    where.textContent = rows.length === 0 ? '' : `${count(from + 1)}–${count(from + shown.length)} of ${many(rows.length, noun)}`;
    back.disabled = page === 0;
    next.disabled = from + perPage >= rows.length;
    pager.classList.toggle('one', rows.length <= perPage);
    drawn(shown, body);
  }

  return {
    element,
    draw,
    // show replaces the rows.
    show(all) {
      rows = all.slice();
      page = 0;
      arrange();
      draw();
    },
  };
}
