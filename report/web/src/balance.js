// The balance: where every call went.

import { $, el } from './dom.js';
import { count } from './format.js';
import { matcher } from './model.js';
import { on, state } from './state.js';
import { table } from './table.js';

const terms = ['entries', 'returns', 'in flight', 'unwound', 'filtered', 'lost'];

export function balance(model) {
  const section = $('balance');
  const total = terms.map((_, i) => model.functions.reduce((n, f) => n + f.balance[i], 0));
  const holds = model.functions.every((f) => f.holds);
  section.append(el('p', { class: 'equation' },
    terms.map((term, i) => [
      el('span', { class: i === 5 && total[i] > 0 ? 'term bad' : 'term' }, el('b', {}, count(total[i])), ` ${term}`),
      el('span', { class: 'sign' }, ['=', '+', '+', '+', '+', ''][i]),
    ])),
  el('p', {}, holds ? '✓ Every call is accounted for.' : '✗ The balance of some function does not add up.',
    total[5] > 0 && ' Calls that were lost are in no series.'));

  const columns = [
    { id: 'function', head: 'function', sort: (f) => f.name, cell: (f) => el('span', { class: 'label', title: f.details }, f.name) },
    ...terms.map((head, i) => ({ id: head.replace(' ', '-'), head, num: true, sort: (f) => f.balance[i], cell: (f) => count(f.balance[i]) })),
    { id: 'why', head: 'what was lost', cell: (f) => (f.lost || '–') + (f.holds ? '' : ' — does not add up') },
  ];
  const t = table({ id: 'balance-table', columns, noun: 'function', perPage: 10, sort: 'lost', row: (f) => ({ class: f.balance[5] > 0 || !f.holds ? 'bad' : null }) });
  section.append(t.element);
  const show = () => {
    const match = matcher(state.filter);
    t.show(model.functions.filter((f) => match(f) || f.series.some(match)));
  };
  show();
  on('filter', show);
}
