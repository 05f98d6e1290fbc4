// What was recorded: report/htmldata.go writes it.

import { quantile, sum, unpack } from './histogram.js';

// A Series has the calls of one key, or of several together.
class Series {
  #buckets;
  #slices;
  #quantiles = new Map();

  constructor(model, props) {
    Object.assign(this, props);
    this.model = model;
  }

  get buckets() {
    return (this.#buckets ??= this.unpackBuckets());
  }

  // slices are the histograms over time; undefined where the page has none.
  get slices() {
    if (this.packedSlices === undefined) return undefined;
    return (this.#slices ??= this.packedSlices.split('.').map(unpack));
  }

  quantile(q) {
    if (!this.#quantiles.has(q)) {
      this.#quantiles.set(q, quantile(this.buckets, q, this.model.bounds, this.min, this.max));
    }
    return this.#quantiles.get(q);
  }

  // label is the key without the parts that the function never has; '' for the
  // calls of several keys.
  get label() {
    return this.id === undefined ? '' : this.fn.parts.map((i) => this.key[i]).join(', ');
  }

  get name() {
    return this.keyText ? `${this.fn.name}, ${this.keyText}` : this.fn.name;
  }
}

export function load(text) {
  const data = JSON.parse(text);
  const model = { ...data, bounds: data.bounds ?? [], ends: data.slices.ends ?? [] };
  model.functions = data.functions.map((f, index) => ({ ...f, index, series: [] }));
  const s = data.series;
  model.series = (s.function ?? []).map((at, id) => {
    const fn = model.functions[at];
    const one = new Series(model, {
      id, fn, key: s.key[id], count: s.count[id], sum: s.sum[id], self: s.self[id],
      lost: s.lost[id], min: s.min[id], max: s.max[id],
      keyText: fn.by.map((name, i) => `${name}=${s.key[id][i]}`).join(', '),
      packedSlices: data.slices.series?.[id],
      unpackBuckets: () => unpack(s.buckets[id]),
    });
    one.haystack = one.name.toLowerCase();
    fn.series.push(one);
    return one;
  });
  const add = (name) => (series) => series.reduce((n, one) => n + one[name], 0);
  model.functions.forEach((fn) => {
    fn.series.sort((a, b) => b.sum - a.sum || b.count - a.count);
    const timed = fn.series.filter((one) => one.sum > 0 || one.max > 0);
    fn.total = new Series(model, {
      id: undefined, fn, key: [], keyText: fn.series.length > 1 ? `all ${fn.series.length} keys` : '',
      count: add('count')(fn.series), sum: add('sum')(fn.series), self: add('self')(fn.series), lost: add('lost')(fn.series),
      min: timed.reduce((n, one) => Math.min(n, one.min), Infinity), max: timed.reduce((n, one) => Math.max(n, one.max), 0),
      packedSlices: data.slices.functions?.[fn.index],
      unpackBuckets: () => sum(fn.series.map((one) => one.buckets)),
    });
    fn.haystack = fn.name.toLowerCase();
    const had = [...fn.by.keys()].filter((i) => fn.series.some((one) => one.key[i] !== '(none)'));
    fn.parts = had.length > 0 ? had : [...fn.by.keys()];
  });
  model.sum = add('sum')(model.series);
  model.self = add('self')(model.series);
  model.count = add('count')(model.series);
  model.timed = model.bounds.length > 0;
  return model;
}

// matcher returns a test for all words of a filter.
export function matcher(filter) {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  return ({ haystack }) => words.every((w) => haystack.includes(w));
}

