// A lane: its length is attainment, and its end past the finish line says by how much.

import { h } from './dom.js';

/** The parts stay the same elements while the figures change, so that growth is one smooth motion. */
export function createLane() {
  const parts = Object.fromEntries(['wash', 'past', 'torn', 'rail', 'below', 'notch'].map(name => [name, h('i', { class: name })]));
  const element = h('span', { class: 'lane', 'aria-hidden': 'true' }, ...Object.values(parts));
  return {
    element,
    /** @param {bigint | null} ppm null without a target @param {boolean} notch whether the due notch is shown */
    update(ppm, notch) {
      element.style.setProperty('--reach', String(Number(ppm ?? 0n) / 1e6));
      parts.wash.hidden = parts.rail.hidden = ppm === null;
      parts.past.hidden = parts.torn.hidden = ppm === null || ppm <= 1_000_000n;
      parts.below.hidden = ppm === null || ppm >= 0n;
      parts.notch.hidden = !notch;
    },
  };
}
