// Building and changing elements without markup in strings: what comes from the API is only ever text.

/** @typedef {Node | string | null | undefined | false} Child */

/**
 * An element. Keys that start with `on` are listeners, `class` and all others are attributes; false and null leave one out.
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, unknown>} [attributes]
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), /** @type {EventListener} */ (value));
    else element.setAttribute(name, value === true ? '' : String(value));
  }
  element.append(...present(children));
  return element;
}

/** @param {Child[]} children @returns {(Node | string)[]} */
const present = children => /** @type {(Node | string)[]} */ (children.filter(Boolean));

/** Puts other children into an element, unless they say the same. */
export function fill(/** @type {Element} */ element, /** @type {Child[]} */ ...children) {
  const next = document.createElement('div');
  next.append(...present(children));
  if (next.innerHTML !== element.innerHTML) element.replaceChildren(...next.childNodes);
}

/** Sets an element's text, unless it is that already. */
export function say(/** @type {Element} */ element, /** @type {string} */ text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Sets or removes an attribute, unless it is so already. */
export function mark(/** @type {Element} */ element, /** @type {string} */ name, /** @type {string | null} */ value) {
  if (element.getAttribute(name) === value) return;
  if (value === null) element.removeAttribute(name);
  else element.setAttribute(name, value);
}

/** Words that only a screen reader says. */
export const spoken = (/** @type {string} */ text) => h('span', { class: 'spoken' }, text);

const SVG = 'http://www.w3.org/2000/svg';

/** @type {Record<string, {box: number, paths: [string, string?][]}>} */
const ICONS = {
  up: { box: 10, paths: [['M5 1l4.6 8H.4z']] },
  down: { box: 10, paths: [['M5 9L.4 1h9.2z']] },
  find: { box: 20, paths: [['M8.500 3a5.500 5.500 0 1 0 0 11a5.500 5.500 0 1 0 0-11z'], ['M13 13l5 5']] },
  open: { box: 20, paths: [['M5 8l5 5 5-5']] },
  right: { box: 20, paths: [['M8 5l5 5-5 5']] },
  left: { box: 20, paths: [['M12 5l-5 5 5 5']] },
  theme: { box: 20, paths: [['M10 3a7 7 0 1 0 0 14a7 7 0 1 0 0-14z'], ['M10 3a7 7 0 0 1 0 14z', 'solid']] },
  pause: { box: 20, paths: [['M7 4.500v11M13 4.500v11']] },
  play: { box: 20, paths: [['M6.500 4l9 6-9 6z', 'solid']] },
  mark: { box: 24, paths: [['M2 6h18M2 12h13M2 18h8', 'lanes'], ['M18 1v22', 'finish-mark']] },
};

/** A drawing by name, silent for screen readers. */
export function icon(/** @type {string} */ name, className = 'icon') {
  const { box, paths } = ICONS[name];
  const element = document.createElementNS(SVG, 'svg');
  element.setAttribute('viewBox', `0 0 ${box} ${box}`);
  element.setAttribute('aria-hidden', 'true');
  element.setAttribute('class', className);
  for (const [d, cls] of paths) {
    const path = document.createElementNS(SVG, 'path');
    path.setAttribute('d', d);
    if (cls === 'solid') path.setAttribute('fill', 'currentColor');
    else if (cls) path.setAttribute('class', cls);
    element.append(path);
  }
  return element;
}

/**
 * A group of buttons of which one is pressed.
 * @param {string} label
 * @param {[string, string][]} options value and word
 * @param {string} chosen
 * @param {(value: string) => void} choose
 * @param {string} [className]
 */
export const choice = (label, options, chosen, choose, className = '') => h(
  'span', { class: `switch ${className}`.trim(), role: 'group', 'aria-label': label },
  ...options.map(([value, word]) => h(
    'button', { type: 'button', 'data-value': value, 'aria-pressed': String(value === chosen), onclick: () => choose(value) }, word,
  )),
);
