// The elements of the page, put together once; `show` writes one answer into all of them.

import { writeAddress } from './address.js';
import { createAbsent } from './absent.js';
import { createBoard } from './board.js';
import { bucketLabel, PERIODS } from './dates.js';
import { choice, fill, h, icon, mark } from './dom.js';
import { isAttainment } from './reading.js';
import { createSearch } from './search.js';
import { createStatus } from './status.js';
import { createTree } from './tree.js';
import { createUnit } from './unit.js';

/** @typedef {import('./address.js').Address} Address */
/** @typedef {import('./address.js').Period} Period */
/** @typedef {import('./api.js').Board} Board */
/** @typedef {import('./words.js').Words} Words */
/**
 * An answer and how to show it.
 * @typedef {object} Showing
 * @property {Board} board @property {Address} address @property {import('./figures.js').Scales} scales
 * @property {'all' | 'around'} view @property {boolean} motion @property {boolean} canOpen whether more rows can be read
 */
/**
 * What the reader can do.
 * @typedef {object} Actions
 * @property {(step: Partial<Address>) => void} change go to another address
 * @property {() => void} open read more rows
 * @property {(paused: boolean) => void} pause
 * @property {(period: Period) => void} toPeriod @property {(by: -1 | 1) => void} stepBy
 * @property {(unitId: string) => string} linkTo @property {(memberId: string) => string} linkToMember
 * @property {() => import('./api.js').Unit[]} tops @property {() => Promise<{units: import('./api.js').Unit[], version: string}>} children
 * @property {(cursor: string | null) => Promise<import('./absent.js').AbsentPage>} absent
 * @property {(text: string) => Promise<{results: import('./search.js').Found[]}>} find
 */

/** @param {Words} words @param {() => Address} address @param {Actions} actions */
function createTools(words, address, actions) {
  const dark = () => (address().theme ?? (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light')) === 'dark';
  const pause = h('button', {
    class: 'tool', type: 'button', 'aria-pressed': 'false', 'aria-label': words.pause, title: words.pause,
    onclick: () => {
      const paused = pause.getAttribute('aria-pressed') !== 'true';
      mark(pause, 'aria-pressed', String(paused));
      mark(pause, 'title', paused ? words.resume : words.pause);
      fill(pause, icon(paused ? 'play' : 'pause'));
      actions.pause(paused);
    },
  }, icon('pause'));
  const theme = h('button', {
    class: 'tool', type: 'button', 'aria-label': words.theme, title: words.theme,
    onclick: () => actions.change({ theme: dark() ? 'light' : 'dark' }),
  }, icon('theme'));
  const language = h('a', {
    class: 'tool', lang: words.otherLang, hreflang: words.otherLang, title: words.otherTitle, href: '?',
  }, words.other);
  const element = h('span', { class: 'tools' }, !address().still && pause, theme, language);
  return {
    element,
    /** The link to the same board in the other language. */
    update: () => mark(language, 'href', writeAddress({ ...address(), lang: address().lang === 'en' ? 'zh-CN' : 'en' })),
  };
}

/** @param {Words} words @param {() => Address} address @param {Actions} actions */
function createPeriods(words, address, actions) {
  const label = h('span', { class: 'quiet nowrap', 'data-figure': 'bucket' });
  const step = (/** @type {-1 | 1} */ by, /** @type {string} */ text) => h('button', {
    class: 'tool', type: 'button', 'aria-label': text, title: text, onclick: () => actions.stepBy(by),
  }, icon(by < 0 ? 'left' : 'right'));
  const options = PERIODS.map(period => /** @type {[string, string]} */ ([period, words.periods[period]]));
  const periods = choice(words.period, options, '', value => actions.toPeriod(/** @type {Period} */ (value)));
  return {
    element: h('nav', { class: 'periods', 'aria-label': words.period },
      periods, h('span', { class: 'tools' }, step(-1, words.before), label, step(1, words.after))),
    /** @param {Board} board */
    update({ bucket, period }) {
      for (const button of periods.children) mark(button, 'aria-pressed', String(button.getAttribute('data-value') === period.kind));
      fill(label, bucketLabel(bucket, address().lang, period.today_on));
    },
  };
}

/** What an empty board says. @param {Board} board @param {Words} words */
function emptyWords(board, words) {
  if (board.rows.length) return [];
  if (isAttainment(board)) return [h('b', {}, words.emptyTargets), words.emptyTargetsMore];
  const hasRoster = board.members === 'rep' && board.roster_count > 0;
  return [h('b', {}, words.emptyTitle), hasRoster ? words.emptyRoster(words.countReps(String(board.roster_count))) : words.emptyUnits];
}

/**
 * @param {HTMLElement} page
 * @param {Words} words
 * @param {() => Address} address
 * @param {Actions} actions
 */
export function createView(page, words, address, actions) {
  const status = createStatus(words);
  const search = createSearch(words, actions);
  const tree = createTree(words, actions);
  const unit = createUnit(words);
  const table = createBoard(words, actions);
  const absent = createAbsent(words, { list: actions.absent });
  const tools = createTools(words, address, actions);
  const periods = createPeriods(words, address, actions);
  const empty = h('p', { class: 'empty', 'data-figure': 'empty', hidden: true });
  const aloud = h('p', { class: 'spoken', role: 'status', 'aria-live': 'polite' });
  const source = h('p');
  const failed = h('p', { class: 'failed', hidden: true });
  const bar = h('div', { class: 'bar', hidden: true }, tree.element, periods.element);
  const course = h('div', { class: 'course', hidden: true },
    unit.finish, unit.due, unit.element, unit.facts, table.element, empty, absent.element);
  const home = writeAddress({ ...address(), unit: null, bucket: null, period: 'month', members: null, view: null });
  page.replaceChildren(
    h('header', { class: 'masthead' },
      h('a', { class: 'mark', href: home, 'aria-label': 'Standings' }, icon('mark', ''), h('span', {}, 'Standings')),
      search.element, status.element, tools.element),
    bar, status.notice, h('main', {}, course, failed), h('footer', { class: 'foot' }, h('p', {}, words.footnote), source), aloud);

  return {
    /** @param {import('./status.js').Live} live @param {Board | null} board */
    status: (live, board) => {
      mark(page, 'data-live', live);
      status.update(live, board, address().lang);
    },
    /** There is no answer: says why instead. @param {string} title @param {string} text */
    fail(title, text) {
      fill(failed, h('b', {}, title), text);
      failed.hidden = false;
      course.hidden = true;
    },
    /** @param {Showing} showing */
    show(showing) {
      const { board } = showing;
      failed.hidden = true;
      bar.hidden = course.hidden = false;
      const { pace, due } = unit.update(showing);
      course.style.setProperty('--due', String(Number(pace ?? 0n) / 1e6));
      tree.update(board.unit);
      periods.update(board);
      tools.update();
      const passes = table.update(showing, due !== null);
      absent.update(showing);
      empty.hidden = board.rows.length > 0;
      fill(empty, ...emptyWords(board, words));
      // Spoken: the reader's own passes, else a new first.
      const pass = passes.find(({ line }) => line.id === showing.address.me) ?? passes.find(({ line }) => line.rank === 1);
      if (pass) fill(aloud, words.passed(pass.line.name, pass.from, pass.line.rank));
      const self = String(board.links.self);
      const link = h('a', { href: self.replace(/^\//, '') }, decodeURI(self));
      fill(source, `${words.source} `, link, `${words.comma}${words.version} ${board.version}`);
      const period = bucketLabel(board.bucket, showing.address.lang, board.period.today_on);
      document.title = `${board.unit.name ?? board.unit_id} ${period} – Standings`;
      mark(page, 'data-board', board.board);
      mark(page, 'data-as-of', JSON.stringify(board.as_of));
      mark(page, 'data-version', board.version); // last: whoever waits for a version finds all of it in place
    },
  };
}
