// Histograms as report/htmldata.go packs them.

const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const values = new Uint8Array(128);
for (let i = 0; i < digits.length; i++) values[digits.charCodeAt(i)] = i;

// unpack returns the slots and their counts: two arrays, ascending by slot.
export function unpack(text) {
  const slots = [];
  const counts = [];
  let slot = 0;
  let i = 0;
  const number = () => {
    let n = 0;
    for (let scale = 1; ; scale *= 32) {
      const v = values[text.charCodeAt(i++)];
      n += (v & 31) * scale;
      if (v < 32) return n;
    }
  };
  while (i < text.length) {
    slot += number();
    slots.push(slot++);
    counts.push(number());
  }
  return { slots, counts };
}

// sum adds histograms up.
export function sum(all) {
  const total = new Map();
  for (const { slots, counts } of all) {
    slots.forEach((slot, i) => total.set(slot, (total.get(slot) ?? 0) + counts[i]));
  }
  const slots = [...total.keys()].sort((a, b) => a - b);
  return { slots, counts: slots.map((s) => total.get(s)) };
}

export const size = ({ counts }) => counts.reduce((a, b) => a + b, 0);

// quantile estimates by nearest rank, as latency.Series.Quantile does: the true
// value is from lo to hi.
export function quantile(h, q, bounds, min, max) {
  const n = size(h);
  if (n === 0) return { lo: 0, hi: 0, mid: 0, n };
  const product = q * n;
  const rank = Math.min(n, Math.max(1, Math.ceil(product - product * 2 ** -50)));
  let below = 0;
  let i = 0;
  for (; i < h.counts.length - 1; i++) {
    below += h.counts[i];
    if (below >= rank) break;
  }
  const low = bounds[h.slots[i]];
  const lo = Math.min(Math.max(low === 0 ? 0 : low + 1, min), max);
  const hi = Math.max(Math.min(bounds[h.slots[i] + 1], max), min);
  const mid = lo <= 0 ? Math.trunc((hi - lo) / 2) : Math.min(lo + Math.round(((hi - lo) * lo) / (hi + lo)), hi);
  return { lo, hi, mid, n };
}
