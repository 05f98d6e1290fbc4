// Elements, made so that no text can become markup.

export const $ = (id) => document.getElementById(id);

const make = (e, props, children) => {
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (typeof value === 'function') e.addEventListener(name.slice(2), value);
    else e.setAttribute(name, value === true ? '' : value);
  }
  e.append(...children.flat(Infinity).filter((c) => c !== undefined && c !== null && c !== false));
  return e;
};

// el makes an HTML element. Strings among the children become text; properties
// that begin with "on" are listeners.
export const el = (tag, props = {}, ...children) => make(document.createElement(tag), props, children);

// svg makes an SVG element in the same way.
export const svg = (tag, props = {}, ...children) =>
  make(document.createElementNS('http://www.w3.org/2000/svg', tag), props, children);

// announce says something to those who do not see the page.
export const announce = (text) => {
  $('announce').textContent = text;
};

// radios makes a row of radio buttons, of which the first is on.
export function radios(legend, name, choices, change) {
  const inputs = choices.map(([value, label], i) => {
    const input = el('input', { type: 'radio', name, value, id: `${name}-${value}`, checked: i === 0, onchange: () => change(value) });
    return [input, el('label', { for: input.id }, label)];
  });
  return el('fieldset', { class: 'radios' }, el('legend', { class: 'hidden' }, legend), inputs);
}

// whenSeen calls draw when the element comes near the window or is printed, and
// again when it has another width. It returns what draws anew if it was drawn.
export function whenSeen(element, draw) {
  let seen = false;
  let width = 0;
  const near = new IntersectionObserver((entries) => entries.some((e) => e.isIntersecting) && first(), { rootMargin: '300px' });
  const first = () => {
    if (seen) return;
    near.disconnect();
    seen = true;
    width = element.clientWidth;
    draw();
  };
  near.observe(element);
  addEventListener('beforeprint', first);
  new ResizeObserver(() => {
    if (!seen || element.clientWidth === width) return;
    width = element.clientWidth;
    requestAnimationFrame(draw);
  }).observe(element);
  return () => seen && draw();
}

// surface sizes a canvas in CSS pixels and returns its context, cleared.
export function surface(canvas, width, height) {
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const context = canvas.getContext('2d');
  context.scale(ratio, ratio);
  return context;
}
