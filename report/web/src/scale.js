// Axes of time: logarithmic, with few round labels.

import { ns } from './format.js';
import { dark } from './state.js';

// logScale maps times from lo to hi to 0 ... 1.
export function logScale(lo, hi) {
  const from = Math.log(Math.max(lo, 1));
  const to = Math.max(Math.log(Math.max(hi, 1)), from + 1e-9);
  return (value) => (Math.log(Math.max(value, 1)) - from) / (to - from);
}

// ticks returns at most so many round times between lo and hi.
export function ticks(lo, hi, most) {
  const all = [];
  for (let power = 1; power <= hi; power *= 10) {
    for (const digit of [1, 2, 5]) {
      if (digit * power >= lo && digit * power <= hi) all.push({ value: digit * power, digit, power });
    }
  }
  let powers = all.filter((t) => t.digit === 1);
  let use = all.length <= most ? all : powers;
  for (let step = 2; use.length > most; step++) use = powers.filter((t) => Math.round(Math.log10(t.power)) % step === 0);
  if (use.length < 2 && all.length > 0) use = all.length <= most ? all : [all[0], all[all.length - 1]];
  return use.map(({ value }) => ({ value, label: ns(value, 1) }));
}

const ramps = {
  light: [[233, 240, 248], [158, 202, 225], [66, 146, 198], [17, 94, 168], [8, 40, 98]],
  dark: [[24, 36, 52], [25, 78, 117], [38, 138, 160], [110, 201, 151], [245, 241, 160]],
};

// heatColor is the colour of a part of the most, from 0 to 1.
export function heatColor(part) {
  const ramp = ramps[dark() ? 'dark' : 'light'];
  const at = Math.min(Math.max(part, 0), 1) * (ramp.length - 1);
  const i = Math.min(Math.floor(at), ramp.length - 2);
  const mix = ramp[i].map((v, c) => Math.round(v + (ramp[i + 1][c] - v) * (at - i)));
  return `rgb(${mix.join(' ')})`;
}

// columns joins so many slots that each has at least some pixels, and returns
// the first slot, the slots of a column and the number of columns.
export function columns(first, end, pixels, least = 4) {
  let per = 1;
  while (per < 16 && (pixels / (end - first)) * per < least) per *= 2;
  return { first, per, n: Math.ceil((end - first) / per) };
}

// place maps times to 0 ... 1 across the columns. What is below the first bucket
// or above the last one of the scheme is in the middle of its slot, since that has
// one bound only.
export function place(bounds, { first, per, n }) {
  return (value) => {
    let slot = 0;
    for (let hi = bounds.length - 1; hi - slot > 1;) {
      const middle = (slot + hi) >> 1;
      if (bounds[middle] < value) slot = middle;
      else hi = middle;
    }
    const [from, to] = [bounds[slot], bounds[slot + 1]];
    const part = from > 0 && to < endless ? Math.log(value / from) / Math.log(to / from) : 0.5;
    return (slot + Math.min(Math.max(part, 0), 1) - first) / (per * n);
  };
}

// edge is the lower bound of a column; of the one after the last, the end.
export const edge = (bounds, { first, per }, i) => bounds[Math.min(first + i * per, bounds.length - 1)];

const endless = 1e18; // above every bound but the last one of the scheme

// span says which times a column has.
export function span(bounds, cols, i) {
  const [lo, hi] = [edge(bounds, cols, i), edge(bounds, cols, i + 1)];
  return hi > endless ? `more than ${ns(lo)}` : `${ns(lo)} to ${ns(hi)}`;
}

// columnTicks returns ticks for the columns.
export function columnTicks(bounds, cols, most) {
  const within = bounds.slice(cols.first, cols.first + cols.per * cols.n + 1).filter((b) => b > 0 && b < endless);
  return within.length === 0 ? [] : ticks(within[0], within[within.length - 1], most);
}

// spread puts a histogram's counts into columns.
export function spread({ slots, counts }, { first, per, n }) {
  const out = new Float64Array(n);
  slots.forEach((slot, i) => (out[Math.floor((slot - first) / per)] += counts[i]));
  return out;
}

// range returns the first slot of some series and the one after the last.
export function range(all) {
  let first = Infinity;
  let end = 0;
  for (const { buckets: { slots } } of all) {
    if (slots.length === 0) continue;
    first = Math.min(first, slots[0]);
    end = Math.max(end, slots[slots.length - 1] + 1);
  }
  return end === 0 ? { first: 0, end: 0 } : { first, end };
}
