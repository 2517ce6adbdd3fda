// One row of the board: made once for a member, then changed where its figures change.

import { fill, h, icon, mark, say, spoken } from './dom.js';
import { grouped, MINUS, needed, percent, points, sold, withUnit } from './figures.js';
import { createLane } from './lane.js';

/** @typedef {import('./reading.js').Line} Line */
/** @typedef {import('./reading.js').Skip} Skip */
/** @typedef {import('./words.js').Words} Words */
/**
 * What all rows of a board share.
 * @typedef {object} RowContext
 * @property {Words} words @property {import('./figures.js').Lang} lang @property {import('./figures.js').Scales} scales
 * @property {import('./figures.js').Scale} scale of the columns
 * @property {boolean} notch @property {boolean} ended @property {boolean} attainment
 * @property {number} now milliseconds, for how long a gain is shown
 * @property {string | null} me @property {(unitId: string) => string} linkTo @property {(memberId: string) => void} toggleMe
 */

const LONG_DIGITS = 13;
const GAIN_SHOWN_MS = 3_000;

/** @param {Line} line @param {Words} words */
function movement(line, words) {
  if (line.move === null) return [];
  if (line.move === 'new') return [h('span', { class: 'quiet' }, words.fresh)];
  if (line.move === 0) return [h('span', { 'aria-hidden': 'true' }, '–'), spoken(words.same)];
  const up = line.move > 0;
  const places = Math.abs(line.move);
  const way = up ? 'up' : 'down';
  return [h('span', { class: way }, icon(way, ''), String(places), spoken(' ' + words[way](places)))];
}

/** The sentence a rep came for. @param {Line} line @param {RowContext} context */
function sentence(line, { words, lang, scales, ended, attainment }) {
  const whole = (/** @type {bigint} */ minor) => withUnit(needed(minor, scales.yuan), scales.yuan, lang);
  const bold = (/** @type {string} */ text) => h('b', {}, text);
  if (line.gap === null) {
    if (line.tied) return [words.tiedFirst];
    if (line.lead === null) return [words.only];
    const money = withUnit(sold(line.lead, scales.yuan), scales.yuan, lang);
    return [words.first, bold(attainment ? points(line.lead) + words.pointsUnit : money)];
  }
  if (ended) return [words.pass.behind(line.above ?? ''), bold(whole(line.gap))];
  const day = line.perDay === null ? [] : [words.pass.day, bold(whole(line.perDay)), words.pass.dayAfter];
  return [words.pass.sell, bold(whole(line.gap)), words.pass.beyond(line.above ?? ''), ...day];
}

/** A row for one member. */
export function createRow() {
  const lane = createLane();
  const cell = (/** @type {string} */ name) => h('td', { role: 'cell', class: name });
  const rank = cell('c-rank');
  const move = cell('c-move');
  const name = h('th', { role: 'rowheader', scope: 'row', class: 'c-name' }, h('span', { class: 'name' }), h('span', { class: 'at' }));
  const score = cell('number c-score');
  const gap = cell('number c-gap');
  const day = cell('number c-day');
  const reached = cell('c-percent');
  const figure = h('span');
  reached.append(lane.element, figure);
  const element = h('tr', { role: 'row' }, rank, move, name, score, gap, day, reached);
  /** @type {bigint | null} */
  let amount = null;
  let gainedAt = 0;

  /** @param {Line} line @param {RowContext} context */
  function writeName(line, context) {
    const { words, me } = context;
    const mine = line.id === me;
    const [title, at] = /** @type {[Element, Element]} */ (/** @type {unknown} */ (name.children));
    const hint = mine ? words.unsetMe : words.setMe(line.name);
    const follow = { class: 'link', type: 'button', 'data-follow': line.id, 'aria-pressed': String(mine), title: hint };
    const isRep = line.unitId === null;
    const link = isRep ? h('button', follow, line.name) : h('a', { class: 'link', href: context.linkTo(line.id) }, line.name);
    fill(title, link, mine && h('span', { class: 'me-word' }, words.me));
    if (mine) fill(at, ...sentence(line, context));
    else fill(at, line.unitId !== null ? line.leaderName ?? words.noLeader : line.unitName);
  }

  /** @param {Line} line @param {RowContext} context */
  function writeFigures(line, { words, lang, scale, scales, now }) {
    const text = sold(line.amount, scale);
    say(score, text);
    mark(score, 'title', withUnit(sold(line.amount, scales.yuan), scales.yuan, lang));
    score.classList.toggle('below', line.amount < 0n);
    score.classList.toggle('long', text.length >= LONG_DIGITS);
    const gained = amount === null ? 0n : line.amount - amount;
    if (gained) {
      mark(score, 'data-gained', (gained > 0n ? '+' : MINUS) + sold(gained > 0n ? gained : -gained, scales.yuan));
      gainedAt = now;
    } else if (now - gainedAt > GAIN_SHOWN_MS) mark(score, 'data-gained', null);
    amount = line.amount;
    if (line.gap === null) fill(gap, h('span', { class: 'quiet' }, words.leads));
    else fill(gap, h('span', { class: 'gap-label' }, words.gapLabel), h('span', {}, needed(line.gap, scale)));
    if (line.perDay === null) fill(day);
    else fill(day, spoken(words.perDay + ' '), h('span', {}, needed(line.perDay, scale)));
    element.classList.toggle('alone', line.perDay === null);
    fill(figure, line.ppm === null ? h('span', { class: 'none' }, words.noTarget) : h('b', {}, percent(line.ppm)));
    reached.classList.toggle('hit', line.ppm !== null && line.ppm >= 1_000_000n);
  }

  return {
    element,
    /** @param {Line} line @param {RowContext} context */
    update(line, context) {
      fill(rank, grouped(BigInt(line.rank)), line.tied && h('span', { class: 'tie' }, '=', spoken(context.words.tied)));
      fill(move, ...movement(line, context.words));
      writeName(line, context);
      writeFigures(line, context);
      lane.update(line.ppm, context.notch && line.ppm !== null);
      element.classList.toggle('me', line.id === context.me);
      mark(element, 'data-podium', line.rank <= 3 && !line.tied ? String(line.rank) : null);
      mark(element, 'data-member', line.id);
      mark(element, 'data-rank', String(line.rank));
      mark(element, 'data-score', String(line.score));
    },
  };
}

/**
 * A row that stands for members left out.
 * @param {Skip} skip @param {RowContext} context @param {boolean} reps @param {(() => void) | null} open
 */
export function skipRow(skip, { words }, reps, open) {
  const count = skip.skip === null ? '' : (reps ? words.countReps : words.countUnits)(grouped(BigInt(skip.skip)));
  const text = words.skip[skip.where](count) + (open ? words.show : '');
  return h('tr', { role: 'row', class: 'skip', 'data-skip': skip.where }, h('td', { role: 'cell' },
    open ? h('button', { class: 'more', type: 'button', onclick: open }, text) : h('span', { class: 'quiet' }, text)));
}
