// The unit's block: lane number nought, and the facts under it.

import { fill, h, mark, say, spoken } from './dom.js';
import { blockScale, needed, percent, points, sold, withUnit } from './figures.js';
import { bucketLabel } from './dates.js';
import { createLane } from './lane.js';
import { headOf, sealOf } from './reading.js';

/** @typedef {import('./view.js').Showing} Showing */
/** @typedef {import('./words.js').Words} Words */

/** @param {Words} words */
export function createUnit(words) {
  const lane = createLane();
  const period = h('p', { class: 'period' });
  const name = h('h1');
  const leader = h('p', { class: 'leader' });
  const big = h('p', { class: 'big', 'data-figure': 'total' });
  const of = h('p', { class: 'of', 'data-figure': 'target' });
  const reached = h('p', { class: 'percent', 'data-figure': 'percent' });
  const element = h('section', { class: 'unit' }, lane.element,
    h('div', { class: 'who' }, period, name, leader), h('div', { class: 'sum' }, big, of), reached);
  const facts = h('dl', { class: 'facts' });
  const due = h('span', { class: 'due', 'data-figure': 'due' });
  const finish = h('div', { class: 'finish', 'aria-hidden': 'true' }, h('span', {}, words.finish));

  const fact = (/** @type {string} */ key, /** @type {string} */ term, /** @type {(Node | string | false)[]} */ ...said) =>
    h('div', {}, h('dt', {}, term), h('dd', { 'data-figure': key }, ...said.filter(Boolean)));

  /** @param {Showing} showing @param {ReturnType<typeof headOf>} head @param {import('./figures.js').Scale} scale */
  function writeFacts({ address }, head, scale) {
    const { lang } = address;
    const must = (/** @type {bigint} */ minor) => withUnit(needed(minor, scale), scale, lang);
    const was = (/** @type {bigint} */ minor) => withUnit(sold(minor, scale), scale, lang);
    /** @type {(Node | null)[]} */
    const said = [];
    if (head.remaining === null || head.ppm === null) said.push(fact('no-target', words.target, words.noTarget));
    else {
      if (head.remaining > 0n) said.push(fact('remaining', words.remaining, must(head.remaining)));
      else said.push(fact('beyond', words.beyond, was(-head.remaining)));
      if (head.required !== null) said.push(fact('required', words.perDayNeeded(head.left), must(head.required)));
      if (head.due !== null) {
        const side = head.ppm >= head.due ? words.ahead : words.behind;
        said.push(fact('against-due', words.againstDue, side(points(head.ppm - head.due))));
      }
    }
    if (head.below !== null && head.belowGap) {
      const off = head.belowGap > 0n ? head.belowGap : -head.belowGap;
      const side = head.belowGap > 0n ? words.short : words.over;
      said.push(fact('children-target', words.childrenSum, was(head.below), h('small', {}, `${side} ${sold(off, scale)}`)));
    }
    fill(facts, ...said);
  }

  return {
    element, facts, due, finish,
    /** @param {Showing} showing */
    update(showing) {
      const { board, address, scales } = showing;
      const { lang } = address;
      const head = headOf(board);
      const scale = blockScale(scales, head.target !== null && head.target > head.total ? head.target : head.total);
      const seal = sealOf(board);
      const hint = words.sealHints[seal];
      fill(period, h('span', {}, bucketLabel(board.bucket, lang, board.period.today_on)),
        h('span', { class: 'seal', 'data-seal': seal, title: hint }, words.seals[seal], spoken(`: ${hint}`)));
      say(name, board.unit.name ?? board.unit_id);
      fill(leader, words.leader + ' ', h('b', {}, board.unit.leader?.name ?? words.noLeader));
      const digits = sold(head.total, scale);
      if (lang === 'zh-CN') fill(big, digits, h('small', {}, scale.label));
      else say(big, withUnit(digits, scale, lang));
      say(of, `${words.target} ${head.target === null ? '–' : withUnit(sold(head.target, scale), scale, lang)}`);
      fill(reached, head.ppm === null ? '–' : percent(head.ppm), h('small', {}, words.attained));
      reached.classList.toggle('wide', head.ppm !== null && percent(head.ppm).length > 5);
      lane.update(head.ppm, head.due !== null && head.ppm !== null);
      due.hidden = head.due === null || head.target === null;
      if (head.due !== null) {
        say(due, `${words.due} ${percent(head.due)}`);
        due.classList.toggle('late', head.due > 850_000n);
      }
      mark(element, 'data-unit', board.unit_id);
      writeFacts(showing, head, scale);
      return head;
    },
  };
}
