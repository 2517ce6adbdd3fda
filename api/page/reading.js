// What a board's answer says, ready to be written: text to integers, and the few figures the page works out itself. Pure.

import { ppmOf } from './figures.js';

/** @typedef {import('./api.js').Board} Board */
/** @typedef {import('./api.js').Standing} Standing */
/**
 * One row as it is shown. Money in minor units.
 * @typedef {object} Line
 * @property {string} id @property {number} rank @property {boolean} tied
 * @property {number | 'new' | null} move  places gained since the daily close; null: this period has no movement
 * @property {string} name @property {string | null} unitName @property {string | null} leaderName
 * @property {string | null} unitId  null for a rep
 * @property {bigint} amount   what was sold
 * @property {bigint} score    the board's own figure: amount, or ppm
 * @property {bigint | null} gap     what must be sold to reach the next better score; null at the top
 * @property {bigint | null} perDay  the same for each selling day left; null at the top, and once none is left
 * @property {bigint | null} ppm     attainment; null without a target
 * @property {string | null} above   name of who has the next better score; null if not among the rows
 * @property {bigint | null} lead    at the top: distance to the next score, in the board's own figure
 */
/** @typedef {{skip: number | null, where: 'above' | 'between' | 'below'}} Skip  `skip`: members left out; null if not known. */

const integer = (/** @type {string | null} */ text) => (text === null ? null : BigInt(text));
const ceil = (/** @type {bigint} */ a, /** @type {bigint} */ b) => (a + b - 1n) / b;
export const isAttainment = (/** @type {Board} */ board) => board.metric.startsWith('attainment-');

/**
 * What must be sold to reach the next better score. On an attainment board the distance is in ppm of the member's own
 * target: the least total with floor(total * 10^6 / target) >= the better score, less what was sold.
 * @param {Board} board @param {Standing} row
 */
function gapOf(board, row) {
  const gap = integer(row.gap_above);
  if (gap === null || !isAttainment(board)) return gap;
  const target = integer(row.target);
  return target === null ? null : ceil((BigInt(row.score) + gap) * target, 1_000_000n) - BigInt(row.cell.revenue);
}

/** @param {Board} board @param {bigint | null} gap @param {Standing} row */
function perDayOf(board, gap, row) {
  if (gap === null || !isAttainment(board)) return integer(row.gap_above_per_day);
  const left = board.period.selling_days_left;
  return left > 0 ? ceil(gap, BigInt(left)) : null;
}

/** The rows of a board in order. @returns {Line[]} */
export function linesOf(/** @type {Board} */ board) {
  const { rows, period } = board;
  return rows.map((row, index) => {
    const rank = row.rank ?? 0;
    const gap = gapOf(board, row);
    const better = rows.slice(0, index).findLast(other => BigInt(other.score) > BigInt(row.score));
    const next = rows[index + 1];
    return {
      id: row.member_id,
      rank,
      tied: row.is_tied,
      move: period.kind === 'day' ? null : row.previous_rank === null ? 'new' : row.previous_rank - rank,
      name: row.display_name,
      unitName: row.member_kind === 'rep' ? row.unit_name : null,
      leaderName: row.leader?.name ?? null,
      unitId: row.member_kind === 'unit' ? row.member_id : null,
      amount: BigInt(isAttainment(board) ? row.cell.revenue : row.score),
      score: BigInt(row.score),
      gap,
      perDay: perDayOf(board, gap, row),
      ppm: integer(row.attainment_ppm),
      above: better?.display_name ?? null,
      lead: gap === null && next ? BigInt(row.score) - BigInt(next.score) : null,
    };
  });
}

/**
 * The lines around a member: the first three and three on each side, with what is left out between.
 * @param {Line[]} lines @param {string} me @returns {(Line | Skip)[]}
 */
export function around(lines, me, side = 3) {
  const mine = lines.findIndex(line => line.id === me);
  if (mine < 0) return lines;
  /** @type {(Line | Skip)[]} */
  const shown = [];
  let left = 0;
  lines.forEach((line, index) => {
    if (index >= 3 && Math.abs(index - mine) > side) left += 1;
    else {
      if (left) shown.push({ skip: left, where: 'between' });
      left = 0;
      shown.push(line);
    }
  });
  return left ? [...shown, { skip: left, where: 'below' }] : shown;
}

/**
 * The rows with what lies before and behind an answer that is not the whole board. How many lie before is known by the first
 * row's rank, unless it is tied.
 * @param {Board} board @param {(Line | Skip)[]} shown @param {Line[]} lines @returns {(Line | Skip)[]}
 */
export function withRest(board, shown, lines) {
  if (!lines.length) return shown;
  const before = !board.prev_cursor ? 0 : lines[0].tied ? null : lines[0].rank - 1;
  const behind = before === null ? null : board.member_count - before - lines.length;
  const last = shown.at(-1);
  const rest = [...shown];
  if (before !== 0) rest.unshift({ skip: before, where: 'above' });
  if (board.next_cursor) {
    const cut = last && 'skip' in last ? last.skip ?? 0 : 0; // left out at the end already
    if (cut) rest.pop();
    rest.push({ skip: behind === null ? null : behind + cut, where: 'below' });
  }
  return rest;
}

/**
 * The unit's figures. Money in minor units.
 * @param {Board} board
 */
export function headOf(board) {
  const figures = board.unit.figures;
  const total = BigInt(figures?.total ?? '0');
  const target = integer(figures?.target ?? null);
  const remaining = target === null ? null : target - total;
  const left = board.period.selling_days_left;
  const pace = integer(board.period.pace_ppm);
  const below = integer(figures?.children_target ?? null);
  return {
    total,
    target,
    ppm: target === null ? null : ppmOf(total, target),
    remaining,
    required: remaining !== null && remaining > 0n && left > 0 ? ceil(remaining, BigInt(left)) : null,
    left,
    pace,
    /** Whether the due notch says something: the period runs and is not due in full. */
    due: board.period.phase === 'running' && pace !== null && pace > 0n && pace < 1_000_000n ? pace : null,
    below,
    belowGap: target === null || below === null ? null : target - below,
  };
}

/** @param {Board} board @returns {'announced' | 'started' | 'provisional' | 'final'} the seal: how closed the period is */
export const sealOf = board => ({
  upcoming: /** @type {const} */ ('announced'),
  running: /** @type {const} */ ('started'),
  ended: board.provisional ? /** @type {const} */ ('provisional') : /** @type {const} */ ('final'),
})[board.period.phase];
