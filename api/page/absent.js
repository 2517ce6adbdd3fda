// 未开单: who is on the roster without a row here, with the person responsible; on an attainment board, who has no target.

import { fill, h, icon } from './dom.js';
import { dayLabel } from './dates.js';
import { grouped } from './figures.js';

/** @typedef {import('./view.js').Showing} Showing */
/**
 * @typedef {object} Absent
 * @property {string} member_id @property {'rep' | 'unit'} member_kind @property {string} display_name
 * @property {string | null} unit_name @property {import('./api.js').Leader | null} leader @property {string | null} joined_on
 */
/** @typedef {{rows: Absent[], version: string, absent_count: number, next_cursor: string | null}} AbsentPage */

/**
 * @param {import('./words.js').Words} words
 * @param {{list(cursor: string | null): Promise<AbsentPage>}} actions
 */
export function createAbsent(words, actions) {
  const title = h('span', { 'data-figure': 'absent' });
  const ranked = h('span', { class: 'quiet', 'data-figure': 'ranked' });
  const list = h('ul');
  const more = h('button', { class: 'more', type: 'button', hidden: true, onclick: () => load(true) });
  const summary = h('summary', {}, icon('right'), title, ranked);
  const element = h('details', { class: 'absent', ontoggle: () => element.open && load(false) }, summary, list, more);
  /** @type {string | null} */
  let cursor = null;
  let board = '';
  let version = '';
  /** @type {Showing['address']['lang']} */
  let lang = 'zh-CN';
  let today = '';

  const entry = (/** @type {Absent} */ row) => {
    const where = row.member_kind === 'rep' ? row.unit_name : null;
    const who = row.leader ? words.manager(row.leader.name) : words.manager(words.noLeader);
    const joined = row.joined_on && words.joined(dayLabel(row.joined_on, lang, today.slice(0, 4)));
    const said = [where, who, joined].filter(Boolean).join(words.comma);
    return h('li', { 'data-absent': row.member_id }, row.display_name, h('small', {}, said));
  };

  async function load(/** @type {boolean} */ next) {
    const of = board;
    const page = await actions.list(next ? cursor : null).catch(() => null); // the status line says what is wrong
    if (!page || of !== board) return;
    cursor = page.next_cursor;
    if (next) list.append(...page.rows.map(entry));
    else list.replaceChildren(...page.rows.map(entry));
    list.dataset.version = version = page.version;
    more.hidden = !cursor;
    fill(more, words.more(grouped(BigInt(Math.max(0, page.absent_count - list.children.length)))));
  }

  return {
    element,
    /** @param {Showing} showing */
    update({ board: answer, address }) {
      if (board !== answer.board) list.replaceChildren();
      [board, lang, today] = [answer.board, address.lang, answer.period.today_on];
      const reps = answer.members === 'rep';
      const count = (/** @type {number} */ n) => (reps ? words.countReps : words.countUnits)(grouped(BigInt(n)));
      const attainment = answer.metric.startsWith('attainment-');
      fill(title, (attainment ? words.without : words.absent)(count(answer.absent_count)));
      const without = answer.no_target_count ? words.comma + words.without(count(answer.no_target_count)) : '';
      fill(ranked, words.ranked(count(answer.member_count)) + without);
      element.hidden = answer.absent_count === 0 && answer.member_count === 0;
      // Read again only while the list is at its first page: a reader further down is not thrown back.
      const stale = version !== answer.version && list.children.length <= 100;
      if (element.open && stale && !element.hidden) load(false);
      if (answer.member_count === 0 && answer.absent_count > 0 && !element.open) element.open = true;
    },
  };
}
