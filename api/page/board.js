// The table: switches, header, keyed rows. It shows one answer of the API at a time.

import { choice, fill, h, say, spoken } from './dom.js';
import { columnScale } from './figures.js';
import { flip } from './flip.js';
import { around, isAttainment, linesOf, withRest } from './reading.js';
import { createRow, skipRow } from './row.js';
import { levelWord } from './words.js';

/** @typedef {import('./address.js').Address} Address */
/** @typedef {import('./api.js').Board} Board */
/** @typedef {import('./reading.js').Line} Line */
/** @typedef {import('./row.js').RowContext} RowContext */
/** @typedef {import('./view.js').Showing} Showing */

/** @param {Line[]} lines */
const greatest = lines => lines.reduce((most, { amount }) => (amount > most ? amount : -amount > most ? -amount : most), 0n);

/**
 * @param {import('./words.js').Words} words
 * @param {{change(change: Partial<import('./address.js').Address>): void, open(): void, linkTo(unitId: string): string}} actions
 */
export function createBoard(words, actions) {
  const head = (/** @type {string} */ name, text = '') => h('th', { role: 'columnheader', scope: 'col', class: name }, text);
  const heads = {
    move: head('c-move'), name: head('c-name'), score: head('number c-score'), gap: head('number c-gap'),
  };
  const caption = h('caption');
  const body = h('tbody', { role: 'rowgroup' });
  const element = h('table', { class: 'board', role: 'table' }, caption,
    h('thead', { role: 'rowgroup' }, h('tr', { role: 'row' }, head('c-rank', words.rank), heads.move, heads.name, heads.score, heads.gap,
      head('number c-day', words.perDay), head('c-percent', words.attained))), body);
  /** @type {Map<string, ReturnType<typeof createRow>>} */
  let rows = new Map();
  /** @type {Map<string, number>} */
  let ranks = new Map();
  let name = '';
  let switches = '';

  /** @param {Showing} showing @param {'yuan' | 'wan'} scaleName */
  function writeSwitches({ board, address, view, scales }, scaleName) {
    const state = JSON.stringify([board.members, board.metric, board.unit.levels_below, address.me !== null, view, scaleName]);
    if (state === switches) return;
    switches = state;
    const focused = /** @type {HTMLElement | null} */ (document.activeElement)?.dataset.value;
    const levels = board.unit.levels_below.map(({ level }) => /** @type {[string, string]} */ ([level, levelWord(words, level)]));
    const small = (/** @type {keyof Address} */ key, /** @type {[string, string][]} */ options, /** @type {string} */ chosen) => choice(
      /** @type {Record<string, any>} */ (words)[key], options, chosen,
      value => actions.change({ [key]: value, ...(key === 'members' && { scale: null }) }), 'small');
    fill(caption,
      small('members', [['rep', words.rep], ...levels], board.members),
      small('metric', [['revenue', words.revenue], ['attainment', words.attainment]], address.metric),
      address.me !== null && small('view', [['all', words.all], ['around', words.around]], view),
      small('scale', [['yuan', scales.yuan.label], ['wan', scales.wan.label]], scaleName));
    if (focused) caption.querySelector(/** @type {any} */ (`[data-value="${focused}"]`))?.focus();
  }

  /** @param {Showing} showing @param {string} label of the scale */
  function writeHeads({ board }, label) {
    const reps = board.members === 'rep';
    if (board.period.kind === 'day') fill(heads.move, spoken(words.move));
    else say(heads.move, words.move);
    say(heads.name, reps ? words.nameRep : words.nameUnit);
    say(heads.score, `${words.revenue} (${label})`);
    say(heads.gap, `${words.gap} (${label})`);
  }

  return {
    element,
    /**
     * Shows an answer; returns the rows that gained places, with their rank before.
     * @param {Showing} showing @param {boolean} notch @returns {{line: Line, from: number}[]}
     */
    update(showing, notch) {
      const { board, address, view, scales, motion } = showing;
      const all = linesOf(board);
      const scaleName = address.scale ?? columnScale(scales, greatest(all));
      writeSwitches(showing, scaleName);
      writeHeads(showing, scales[scaleName].label);
      const same = name === board.board;
      if (!same) [rows, ranks, name] = [new Map(), new Map(), board.board];
      /** @type {RowContext} */
      const context = {
        words, lang: address.lang, scales, scale: scales[scaleName], notch, ended: board.period.phase === 'ended',
        attainment: isAttainment(board), me: address.me, linkTo: actions.linkTo, now: performance.now(),
      };
      const shown = withRest(board, view === 'around' && address.me !== null && !board.prev_cursor ? around(all, address.me) : all, all);
      const passes = all.map(line => ({ line, from: ranks.get(line.id) ?? 0 })).filter(({ line, from }) => line.rank < from);
      const passed = new Set(passes.map(({ line }) => line.id));
      const open = showing.canOpen ? actions.open : null;
      flip(body, () => {
        const wanted = shown.map(item => {
          if ('skip' in item) {
            const further = item.where === 'below' && view === 'all' ? open : () => actions.change({ view: 'all' });
            return skipRow(item, context, board.members === 'rep', further);
          }
          const row = rows.get(item.id) ?? createRow();
          rows.set(item.id, row);
          row.update(item, context);
          row.element.classList.toggle('passed', passed.has(item.id));
          return row.element;
        });
        const keep = new Set(wanted);
        for (const row of [...body.rows]) if (!keep.has(row)) row.remove();
        wanted.forEach((row, index) => body.rows[index] === row || body.insertBefore(row, body.rows[index] ?? null));
      }, row => passed.has(row.dataset.member ?? ''), motion && same);
      ranks = new Map(all.map(line => [line.id, line.rank]));
      return passes;
    },
  };
}
