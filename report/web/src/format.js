// Numbers for people, as the text report writes them (report/units.go).

const units = [['ns', 1], ['µs', 1e3], ['ms', 1e6], ['s', 1e9], ['min', 60e9], ['h', 3600e9], ['d', 86400e9]];

const significant = (v, digits) => {
  for (let decimals = digits - 1; ; decimals--) {
    const text = v.toFixed(Math.max(decimals, 0));
    if (decimals <= 0 || text.split('.')[0].length + decimals <= digits) return text;
  }
};

// ns scales a time to the unit in which it is at least 1.
export function ns(value, digits = 3) {
  for (const [i, [name, size]] of units.entries()) {
    if (i === 0 && Number.isInteger(value) && value < 1000) return `${value}ns`;
    const text = significant(value / size, digits);
    if (Number(text) < 1000 || i === units.length - 1) return text + name;
  }
}

const grouped = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
export const count = (n) => grouped.format(n);

export function share(part, whole) {
  const percent = (100 * part) / whole;
  if (!(whole > 0)) return '-';
  if (part > 0 && percent < 0.05) return '<0.1%';
  if (part < whole && percent >= 99.95) return '>99.9%';
  return `${percent.toFixed(1)}%`;
}

// estimate writes a quantile: the middle of its range, or the one known end.
export function estimate({ lo, hi, mid, n }) {
  if (n === 0) return '-';
  if (hi <= 1.05 * lo || hi - lo <= 2) return ns(mid);
  return lo < 60 ? `≤${ns(hi)}` : `≥${ns(lo)}`;
}

export const calls = (n) => `${count(n)} ${n === 1 ? 'call' : 'calls'}`;
export const many = (n, noun) => `${count(n)} ${noun}${n === 1 || noun.endsWith('s') ? '' : 's'}`;
