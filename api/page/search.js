// Finding a person or a store: what matches is listed under the field; a unit opens its board, a person becomes the row followed.

import { fill, h, icon } from './dom.js';

/** @typedef {import('./view.js').Showing} Showing */
/** @typedef {{kind: 'rep' | 'unit', id: string, name: string, level: string | null, unit_name: string | null}} Found */

const PAUSE_MS = 200;

/**
 * @param {import('./words.js').Words} words
 * @param {Pick<import('./view.js').Actions, 'find' | 'linkTo' | 'linkToMember'>} actions
 */
export function createSearch(words, actions) {
  const input = h('input', { type: 'search', placeholder: words.search, autocomplete: 'off', maxlength: 64, oninput: () => later() });
  const list = h('ul', { class: 'results', hidden: true });
  const label = h('label', {}, h('span', { class: 'spoken' }, words.search), icon('find'), input);
  const element = h('div', { class: 'find', role: 'search' }, label, list);
  let timer = 0;

  const close = () => {
    list.hidden = true;
  };
  const entry = (/** @type {Found} */ found) => h('li', {}, h('a', {
    href: found.kind === 'unit' ? actions.linkTo(found.id) : actions.linkToMember(found.id), 'data-found': found.id,
    onclick: () => {
      input.value = '';
      close();
    },
  }, h('span', {}, found.name), found.kind === 'rep' && h('small', {}, found.unit_name)));

  function later() {
    clearTimeout(timer);
    timer = window.setTimeout(async () => {
      const text = input.value.trim();
      if (!text) return close();
      const answer = await actions.find(text).catch(() => null); // the status line says what is wrong
      if (!answer || text !== input.value.trim()) return;
      const { results } = answer;
      fill(list, ...(results.length ? [] : [h('li', { class: 'quiet' }, words.notFound)]));
      if (results.length) list.replaceChildren(...results.map(entry));
      list.hidden = false;
    }, PAUSE_MS);
  }

  element.addEventListener('keydown', event => {
    if (event.key !== 'Escape') return;
    close();
    input.focus();
  });
  element.addEventListener('focusout', event => {
    if (!element.contains(/** @type {Node | null} */ (event.relatedTarget))) setTimeout(close, PAUSE_MS);
  });
  document.addEventListener('keydown', event => {
    if (event.key !== '/' || event.ctrlKey || event.metaKey || event.altKey || document.activeElement instanceof HTMLInputElement) return;
    event.preventDefault();
    input.focus();
  });
  return { element };
}
