// What the reader has chosen, and who wants to know.

import { announce } from './dom.js';

const listeners = { filter: [], fn: [], selected: [], theme: [] };
export const on = (what, call) => listeners[what].push(call);
const tell = (what) => listeners[what].forEach((call) => call());

export const state = {
  filter: '',
  fn: undefined, // of which the heat map is
  selected: new Array(6).fill(undefined), // the series of each letter
};

export const letters = 'ABCDEF';

// letter returns that of a selected series, or ''.
export const letter = (series) => {
  const at = state.selected.indexOf(series);
  return at < 0 ? '' : letters[at];
};

export const chosen = () => state.selected.filter(Boolean);

export function setFilter(text) {
  state.filter = text;
  tell('filter');
}

export function setFunction(fn) {
  if (state.fn === fn) return;
  state.fn = fn;
  tell('fn');
}

const order = []; // of selection

// toggle selects a series, or no longer. A seventh takes the first one's place.
export function toggle(series) {
  const at = state.selected.indexOf(series);
  if (at >= 0) {
    state.selected[at] = undefined;
    order.splice(order.indexOf(series), 1);
    announce(`${series.name}: no longer compared`);
  } else {
    let free = state.selected.indexOf(undefined);
    if (free < 0) {
      free = state.selected.indexOf(order.shift());
    }
    state.selected[free] = series;
    order.push(series);
    announce(`${series.name}: compared as ${letters[free]}`);
  }
  tell('selected');
}

export function select(all) {
  order.splice(0, order.length, ...all);
  state.selected.fill(undefined);
  all.forEach((series, i) => (state.selected[i] = series));
  tell('selected');
}

// Dark follows the system until the reader says otherwise.
const system = matchMedia('(prefers-color-scheme: dark)');
export const dark = () => (document.documentElement.dataset.theme ?? (system.matches ? 'dark' : 'light')) === 'dark';
system.addEventListener('change', () => tell('theme'));

export function setTheme(name) {
  document.documentElement.dataset.theme = name;
  tell('theme');
}
