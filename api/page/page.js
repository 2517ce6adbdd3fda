// The page: reads its address, follows a board, and shows one answer at a time, at most once a second.

import { readAddress, writeAddress } from './address.js';
import { boardPath, Problem, read, unitPath, WINDOW } from './api.js';
import { bucketOf, neighbour, periodOf, spanOf } from './dates.js';
import { mark } from './dom.js';
import { scalesOf } from './figures.js';
import { LIMITS, watch } from './source.js';
import { createView } from './view.js';
import { wordsOf } from './words.js';

/** @typedef {import('./address.js').Address} Address */
/** @typedef {import('./api.js').Board} Board */
/** @typedef {import('./api.js').Unit} Unit */
/** @typedef {import('./status.js').Live} Live */

const BETWEEN_PAINTS_MS = 1_000;
const RETRY_MS = 3_000;
/** With this many levels below, a unit opens with the units below it; nearer to the shop floor, with its reps. */
const LEVELS_FOR_UNITS = 3;

const root = document.documentElement;
const page = /** @type {HTMLElement} */ (document.getElementById('page'));
const reduced = matchMedia('(prefers-reduced-motion: reduce)');

let address = readAddress(location.search);
/** @type {Board | null} */
let board = null;
/** @type {Live} */
let live = 'loading';
let paused = false;
/** The answer that is on the page; `board` may be a later one.
 * @type {Board | null} */
let shown = null;
/** How far the reader has opened the list: an index of LIMITS. */
let opened = 0;
/** Today in the unit's zone, as the API says. */
let today = '';
/** @type {Unit[]} */
let tops = [];
/** @type {{again(): void, stop(): void} | null} */
let source = null;
let turn = 0;
let timer = 0;
let paintedAt = -Infinity;

const words = wordsOf(address.lang);
root.lang = words.html;
root.classList.toggle('still', address.still);

const view = createView(page, words, () => address, {
  change,
  open() {
    opened += 1;
    source?.again();
  },
  pause(on) {
    paused = on;
    announce(live);
    if (!on) paint();
  },
  toPeriod(period) {
    const last = board ? spanOf(board.bucket)[1] : today;
    goTo(bucketOf(address.bucket && last < today ? last : today, period));
  },
  stepBy: by => board && goTo(neighbour(board.bucket, by)),
  linkTo: unit => writeAddress({ ...address, unit, members: null, scale: null, view: null }),
  linkToMember: me => writeAddress({ ...address, me, members: 'rep', view: null }),
  tops: () => tops,
  children: () => read(`${unitPath(board?.unit_id ?? '')}/children?bucket=${board?.bucket}&metric=revenue`),
  absent(cursor) {
    const { unit_id, members, metric, bucket } = /** @type {Board} */ (board);
    const next = cursor ? `&cursor=${encodeURIComponent(cursor)}` : '';
    return read(`${boardPath(unit_id, members, metric, bucket)}/absent?limit=${WINDOW}${next}`);
  },
  find: text => read(`v1/search?q=${encodeURIComponent(text)}&limit=12`),
});

/** The address of a bucket; the running one stays "the running one" when the day changes. @param {string} bucket */
function goTo(bucket) {
  const period = periodOf(bucket) ?? 'month';
  change({ period, bucket: bucket === bucketOf(today, period) ? null : bucket });
}

/** Goes to another address. @param {Partial<Address>} step */
function change(step) {
  arrive({ ...address, ...step });
  history.pushState(null, '', writeAddress(address));
}

/** Shows an address, doing no more than its difference asks for. @param {Address} next */
function arrive(next) {
  const before = address;
  address = next;
  const differs = (/** @type {(keyof Address)[]} */ ...keys) => keys.some(key => before[key] !== next[key]);
  mark(root, 'data-theme', next.theme);
  if (differs('unit', 'bucket', 'period', 'members', 'metric')) load();
  else {
    if (differs('me', 'view')) source?.again();
    paint();
  }
}

/** Finds the unit, the day and the members that the address leaves open, then follows the board. */
async function load() {
  const mine = ++turn;
  const current = () => mine === turn;
  source?.stop();
  opened = 0;
  try {
    if (!tops.length) tops = (await read('v1/units')).units;
    const unitId = address.unit ?? tops[0]?.unit_id;
    if (!current()) return;
    if (!unitId) return fail(words.noUnits, words.noUnitsMore);
    /** @type {{unit: Unit, on: string}} */
    const { unit, on } = await read(unitPath(unitId));
    if (!current()) return;
    today = on;
    const levels = unit.levels_below;
    const wanted = {
      unitId,
      members: address.members ?? (levels.length >= LEVELS_FOR_UNITS ? levels[0].level : 'rep'),
      metric: address.metric === 'attainment' ? 'attainment-revenue' : 'revenue',
      bucket: address.bucket ?? bucketOf(today, address.period),
    };
    source = watch(wanted, part, address.still, {
      board: next => current() && receive(next),
      state: state => current() && announce(state === 'unreachable' ? 'stale' : state),
      problem: problem => current() && refuse(problem),
    });
  } catch (error) {
    if (current()) refuse(error);
  }
}

/** Which rows the reader wants, given the first ones. @param {Board} top @returns {import('./source.js').Part} */
function part(top) {
  const { me, view: wish } = address;
  const beyond = me !== null && top.members === 'rep' && Boolean(top.next_cursor) && !top.rows.some(row => row.member_id === me);
  return beyond && wish !== 'all' ? { kind: 'around', member: me } : { kind: 'top', limit: LIMITS[opened] };
}

/** There is no answer: say why, keep what is shown, ask again. @param {unknown} error */
function refuse(error) {
  if (!(error instanceof Problem)) throw error;
  if (error.status === 404) {
    live = 'stale';
    return view.fail(words.noUnit, address.unit ?? '');
  }
  announce(error.type === '/problems/rebuilding' ? 'rebuilding' : 'offline');
  if (board) setTimeout(load, RETRY_MS);
  else fail(live === 'rebuilding' ? words.live.rebuilding : words.failed, words.failedMore(error.message));
}

/** @param {string} title @param {string} text */
function fail(title, text) {
  const mine = turn;
  view.fail(title, text);
  setTimeout(() => mine === turn && load(), RETRY_MS);
}

/** An answer: shown once the one before has been seen for a second. @param {Board} next */
function receive(next) {
  const day = next.period.today_on;
  if (!address.bucket && day > today && bucketOf(day, address.period) !== next.bucket) return load();
  today = day;
  const turned = next.board !== board?.board;
  board = next;
  live = next.state;
  if (turned) paint();
  else if (!timer) timer = window.setTimeout(due, Math.max(0, paintedAt + BETWEEN_PAINTS_MS - performance.now()));
}

function due() {
  timer = 0;
  if (!paused && !document.hidden) paint();
}

function announce(/** @type {Live} */ state) {
  live = state;
  view.status(paused ? 'paused' : live, shown);
}

function paint() {
  if (!board) return;
  paintedAt = performance.now();
  shown = board;
  const mine = board.rows.some(row => row.member_id === address.me);
  view.show({
    board, address, scales: scalesOf(address.lang, board.currency), motion: !reduced.matches && !address.still,
    view: mine && (address.view === 'around' || board.prev_cursor) ? 'around' : 'all',
    canOpen: opened < LIMITS.length - 1,
  });
  announce(live);
}

// A link to another address of this page is followed without loading it anew; another language is a new page.
document.addEventListener('click', event => {
  const link = /** @type {Element} */ (event.target).closest('a');
  if (!link || event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const href = link.getAttribute('href') ?? '';
  if (!href.startsWith('?') || readAddress(href).lang !== address.lang) return;
  event.preventDefault();
  change(readAddress(href));
  scrollTo({ top: 0 });
});
document.addEventListener('click', event => {
  const id = /** @type {Element} */ (event.target).closest('[data-follow]')?.getAttribute('data-follow');
  if (id) change({ me: id === address.me ? null : id });
});
addEventListener('popstate', () => arrive(readAddress(location.search)));
document.addEventListener('visibilitychange', () => document.hidden || paused || paint());

// For tests and the curious: the answer that is shown, the latest one, and how they are looked at.
const glass = {
  get board() { return shown; },
  get latest() { return board; },
  get address() { return address; },
  get live() { return live; },
};
Object.defineProperty(window, 'standings', { value: glass });

mark(root, 'data-theme', address.theme);
view.status(live, null);
load();
