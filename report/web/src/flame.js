// The flame graph: functions, and under each the parts of its key.

import flamegraph from 'd3-flame-graph';
import { select } from 'd3-selection';
import { $, el, radios, whenSeen } from './dom.js';
import { ns, share } from './format.js';
import { matcher } from './model.js';
import { dark, on, state } from './state.js';

const cell = 22; // pixels of a frame's height

const explain = {
  self: 'self: the time of the calls less what they spent in other measured functions, so that it adds up.',
  latency: 'latency: the whole time of the calls. Where one measured function calls another, the same time is in both.',
};

// tree adds up a time of the series, from all of them down to the last part of
// the key.
function tree(model, series, value) {
  const root = { name: 'all', value: 0, children: [], index: new Map() };
  const several = new Set(model.functions.map((f) => f.binary)).size > 1;
  for (const s of series) {
    const v = s[value];
    if (v === 0) continue;
    const path = [s.fn.name, ...s.fn.parts.map((i) => `${s.fn.by[i]}=${s.key[i]}`)];
    if (several) path.unshift(s.fn.binary.replace(/^.*\//, '') || 'kernel');
    let at = root;
    at.value += v;
    path.forEach((name, depth) => {
      // Two functions of one name are two frames.
      const id = depth === (several ? 1 : 0) ? `${s.fn.index}` : name;
      let child = at.index.get(id);
      if (!child) {
        child = { name, value: 0, children: [], index: new Map(), kind: Math.max(0, depth - (several ? 1 : 0)) };
        at.index.set(id, child);
        at.children.push(child);
      }
      child.value += v;
      at = child;
    });
  }
  return group(root);
}

// group keeps a frame from being split into so many that none can be seen: the
// smaller ones come together in frames that can be zoomed.
function group(node) {
  const children = node.children.sort((a, b) => b.value - a.value);
  children.forEach(group);
  const shown = 24;
  if (children.length <= 2 * shown) return node;
  const rest = children.slice(shown);
  const each = Math.ceil(rest.length / 10);
  node.children = children.slice(0, shown);
  for (let i = 0; i < rest.length; i += each) {
    const some = rest.slice(i, i + each);
    node.children.push(group({ name: `${some.length} smaller`, value: some.reduce((n, c) => n + c.value, 0), children: some, kind: -1 }));
  }
  return node;
}

// hue keeps a name's colour from one page to the next.
const hue = (name) => [...name].reduce((h, c) => (h * 31 + c.codePointAt(0)) % 997, 7);
const color = ({ depth, data }) => {
  if (depth === 0) return dark() ? '#3a4350' : '#dfe3e8';
  if (data.kind === -1) return dark() ? '#4a3f36' : '#ece3dc';
  const level = data.kind <= 0 ? 0 : 1;
  const angle = 18 + (hue(data.name) % 9) * (level === 0 ? 4 : 3.4) + level * 12;
  return dark() ? `hsl(${angle} 52% ${level === 0 ? 34 : 29}%)` : `hsl(${angle} 88% ${level === 0 ? 74 : 83}%)`;
};

export function flame(model) {
  const section = $('flame');
  let mode = 'self';
  let chart;
  const host = el('div', { class: 'flame', role: 'group', 'aria-label': 'Flame graph. Arrow keys move, Enter zooms, Escape zooms out.' });
  const note = el('p', { class: 'dim' });
  const readout = el('p', { class: 'readout', role: 'status' });
  const out = el('button', { type: 'button', disabled: true, onclick: () => zoom(undefined) }, 'Zoom out');
  section.append(
    el('div', { class: 'controls' }, radios('Value', 'flame-mode', [['self', 'self'], ['latency', 'latency']], (to) => {
      mode = to;
      redraw();
    }), out), host, readout, note);

  const label = (d) => {
    const path = d.ancestors().reverse().slice(1).map((a) => a.data.name).join(' › ') || 'all';
    const root = d.ancestors()[d.depth];
    return `${path}: ${ns(d.data.value)} ${mode}, ${share(d.data.value, root.data.value)}`;
  };

  const draw = () => {
    const series = model.series.filter(matcher(state.filter));
    const data = tree(model, series, mode === 'self' ? 'self' : 'sum');
    host.replaceChildren();
    out.disabled = true;
    readout.textContent = '';
    note.textContent = explain[mode];
    if (data.value === 0) {
      host.append(el('p', {}, series.length === 0 ? 'No series matches.' : 'No time was spent.'));
      return;
    }
    chart = flamegraph().width(Math.max(host.clientWidth, 120)).cellHeight(cell).inverted(true).minFrameSize(3)
      .transitionDuration(200)
      .setColorMapper((d) => color(d)).label(label).setDetailsHandler((text) => (readout.textContent = text ?? ''))
      .onClick((d) => after(d));
    select(host).datum(data).call(chart);
    host.querySelector('svg').setAttribute('height', cell * (1 + depth(data)));
    after(undefined);
    settle();
  };

  // settle ends all motion: the frames are where they will be. The library has
  // none of its own for that.
  const settle = () => frames().each(function (d) {
    const g = select(this);
    const scale = chart.width() / (d.ancestors()[d.depth].x1 - d.ancestors()[d.depth].x0);
    g.interrupt().attr('transform', `translate(${d.x0 * scale},${d.depth * cell})`);
    g.select('rect').interrupt().attr('width', (d.x1 - d.x0) * scale);
    g.select('div').interrupt().text(d.data.name);
  });
  const depth = (node) => 1 + Math.max(-1, ...node.children.map((c) => depth(c)));
  const frames = () => select(host).selectAll('g.frame');

  // zoom shows a frame as wide as the page; undefined shows all.
  const zoom = (d) => (d ? chart.zoomTo(d) : chart.resetZoom());

  // after gives every frame its part in using the keyboard.
  const after = (zoomed) => {
    out.disabled = !zoomed || zoomed.depth === 0;
    frames().attr('tabindex', (d) => (d === (zoomed ?? d.ancestors()[d.depth]) ? 0 : -1))
      .attr('role', 'button').attr('aria-label', label);
    if (matchMedia('(prefers-reduced-motion: reduce)').matches) settle();
  };
  const focus = (d) => {
    if (!d) return;
    frames().attr('tabindex', (x) => (x === d ? 0 : -1)).filter((x) => x === d).node()?.focus();
  };
  host.addEventListener('keydown', (e) => {
    const d = select(e.target).datum();
    if (!d?.ancestors) return;
    const near = (step) => {
      const visible = (d.parent?.children ?? []).filter((c) => c.x1 > c.x0 && frames().filter((x) => x === c).size() > 0);
      return visible[visible.indexOf(d) + step];
    };
    const act = {
      ArrowLeft: () => focus(near(-1)), ArrowRight: () => focus(near(1)), ArrowUp: () => focus(d.parent),
      ArrowDown: () => focus(d.children?.find((c) => frames().filter((x) => x === c).size() > 0)),
      Enter: () => zoom(d), ' ': () => zoom(d), Escape: () => zoom(undefined),
    }[e.key];
    if (!act) return;
    act();
    e.preventDefault();
    e.stopPropagation();
  });
  host.addEventListener('focusin', (e) => {
    const d = select(e.target).datum();
    if (d?.ancestors) readout.textContent = label(d);
  });

  const redraw = whenSeen(section, draw);
  on('filter', redraw);
  on('theme', redraw);
}
