// The page of a recording.

import { $ } from './dom.js';
import { about, head } from './about.js';
import { balance } from './balance.js';
import { curves } from './curves.js';
import { flame } from './flame.js';
import { heat } from './heat.js';
import { load } from './model.js';
import { series } from './series.js';
import { dark, on, select, setFilter, setTheme, state } from './state.js';
import './style.css';

const model = load($('data').textContent);
$('data').remove(); // it may be megabytes

const themed = () => {
  $('theme').textContent = dark() ? 'Light' : 'Dark';
  $('theme').setAttribute('aria-label', `switch to ${dark() ? 'light' : 'dark'} colours`);
};
themed();
on('theme', themed);
$('theme').addEventListener('click', () => setTheme(dark() ? 'light' : 'dark'));

const filter = $('filter');
let waiting;
filter.addEventListener('input', () => {
  clearTimeout(waiting);
  waiting = setTimeout(() => setFilter(filter.value), 80);
});
document.addEventListener('keydown', (e) => {
  if (e.key === '/' && !e.ctrlKey && !e.metaKey && !/^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement?.tagName)) {
    filter.focus();
    filter.select();
    e.preventDefault();
  } else if (e.key === 'Escape' && filter.value !== '') {
    filter.value = '';
    setFilter('');
  } else if (e.key === 'Escape' && state.selected.some(Boolean)) {
    select([]);
  }
});

const byTime = model.functions.filter((f) => f.series.length > 0).sort((a, b) => b.total.sum - a.total.sum);
state.fn = byTime[0] ?? model.functions[0];
select((state.fn?.series ?? []).filter((s) => s.buckets.slots.length > 0).slice(0, 3));

head(model, state.fn);
if (model.timed) {
  heat(model);
  curves();
  flame(model);
} else {
  for (const id of ['heat', 'curves', 'flame']) $(id).remove(); // there is nothing to draw
}
series(model);
balance(model);
about(model);
document.documentElement.dataset.ready = Math.round(performance.now());
