// The way down the organisation: the path to the unit, and the units directly below it with their attainment.

import { h, icon } from './dom.js';
import { percent } from './figures.js';

/** @typedef {import('./view.js').Showing} Showing */
/** @typedef {import('./api.js').Unit} Unit */

/**
 * @param {import('./words.js').Words} words
 * @param {{linkTo(unitId: string): string, children(): Promise<{units: Unit[], version: string}>, tops(): Unit[]}} actions
 */
export function createTree(words, actions) {
  const steps = h('ol');
  const list = h('ul');
  const summary = h('summary', {}, words.drill, icon('open'));
  const drill = h('details', { class: 'drill', ontoggle: () => drill.open && fillList() }, summary, list);
  const element = h('nav', { class: 'path', 'aria-label': words.organisation }, steps);
  let unitId = '';
  let onTop = true;
  let said = '';

  const entry = (/** @type {Unit} */ unit) => h('li', {}, h('a', { href: actions.linkTo(unit.unit_id), 'data-unit': unit.unit_id },
    h('span', {}, unit.name ?? unit.unit_id),
    h('b', {}, unit.figures?.attainment_ppm ? percent(BigInt(unit.figures.attainment_ppm)) : '–'),
    h('small', {}, unit.leader?.name ?? words.noLeader)));

  async function fillList() {
    const of = unitId;
    const answer = await actions.children().catch(() => null); // the status line says what is wrong
    if (!answer || of !== unitId) return;
    const { units, version } = answer;
    list.dataset.version = version;
    // Several tops of the tree: the others are listed under the children of the one shown.
    const others = onTop ? actions.tops().filter(top => top.unit_id !== unitId) : [];
    list.replaceChildren(...units.map(entry), ...others.map(entry));
  }

  document.addEventListener('click', event => {
    if (drill.open && !drill.contains(/** @type {Node} */ (event.target))) drill.open = false;
  });
  element.addEventListener('keydown', event => {
    if (event.key !== 'Escape' || !drill.open) return;
    drill.open = false;
    summary.focus();
  });

  return {
    element,
    /** @param {Unit} unit */
    update(unit) {
      if (unit.unit_id !== unitId) drill.open = false;
      unitId = unit.unit_id;
      onTop = unit.path.length < 2;
      const path = unit.path.length ? unit.path : [unit];
      const hasList = unit.child_count > 0 || (path.length === 1 && actions.tops().length > 1);
      const next = JSON.stringify([path, hasList]);
      if (next === said) return;
      said = next;
      const items = path.map((step, index) => h('li', {}, index < path.length - 1
        ? h('a', { href: actions.linkTo(step.unit_id), 'data-unit': step.unit_id }, step.name ?? step.unit_id)
        : h('span', { 'aria-current': 'page' }, step.name ?? step.unit_id)));
      steps.replaceChildren(...items, ...(hasList ? [h('li', {}, drill)] : []));
    },
  };
}
