// What was measured, where, and at what cost.

import { $, el } from './dom.js';
import { count, many, ns, share } from './format.js';

export function head(model, first) {
  const others = model.functions.length - 1;
  $('title').append(first?.name ?? 'No functions', others > 0 ? el('span', { class: 'dim' }, ` and ${many(others, 'more function')}`) : '');
  const facts = new Map(model.facts);
  $('subtitle').textContent = `${ns(model.duration)} of ${facts.get('measured') ?? 'the kernel'}`;
  const lost = model.functions.reduce((n, f) => n + f.balance[5], 0);
  const entries = model.functions.reduce((n, f) => n + f.balance[0], 0);
  const tile = (name, value, more, bad) => el('li', { class: bad ? 'tile bad' : 'tile' }, el('span', { class: 'name' }, name), el('b', {}, value), el('span', { class: 'dim' }, more));
  $('tiles').append(
    tile('calls', count(model.count), `${many(model.series.length, 'series')} of ${many(model.functions.length, 'function')}`),
    model.timed ? tile('time in calls', ns(model.sum), `${ns(model.self)} of it self`) : '',
    tile('lost', count(lost), lost === 0 ? 'every call is in the balance' : `${share(lost, entries)} of the entries: see the balance`, lost > 0),
    tile('cost', model.overhead.hits > 0 && model.overhead.cpu_share > 0 ? share(model.overhead.cpu_share, 1) : '–',
      model.overhead.cpu_share > 0 ? 'of one CPU went to the probes' : 'of the probes is not known'));
  if (model.warnings.length > 0) {
    $('warnings').hidden = false;
    $('warnings').querySelector('ul').append(...model.warnings.map((w) => el('li', {}, w)));
  }
}

export function about(model) {
  const row = (name, text) => [el('dt', {}, name), el('dd', {}, text)];
  $('about').append(
    el('dl', {}, model.facts.map(([name, text]) => row(name, text)), row('duration', ns(model.duration)), row('probes’ cost', model.cost)),
    el('p', { class: 'dim' }, 'Calls are counted, not sampled; counts, totals and maxima are exact. A percentile is the middle of a bucket, at most 2.2% from the true value. Everything here comes from the recording; the page loads nothing and sends nothing.'),
    el('p', { class: 'dim keys' }, 'Keys: ', el('kbd', {}, '/'), ' filter, ', el('kbd', {}, 'Esc'), ' clear it, or the selection; arrow keys move in the heat map, the table and the flame graph; ', el('kbd', {}, 'Enter'), ' selects or zooms.'));
}
