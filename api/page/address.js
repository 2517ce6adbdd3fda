// What the page shows, as the query of its URL: a link to a board is the board.

import { PERIODS, periodOf } from './dates.js';

/** @typedef {import('./dates.js').Period} Period */
/** @typedef {import('./figures.js').Lang} Lang */
/**
 * @typedef {object} Address
 * @property {string | null} unit     null: the top of the tree
 * @property {string | null} bucket   null: the running bucket of `period`
 * @property {Period} period
 * @property {string | null} members  'rep' or a level; null: what suits the unit
 * @property {'revenue' | 'attainment'} metric
 * @property {string | null} me       the member the reader follows
 * @property {'all' | 'around' | null} view  null: around if `me` is not among the first rows
 * @property {'yuan' | 'wan' | null} scale   null: by the figures
 * @property {Lang} lang
 * @property {'light' | 'dark' | null} theme null: as the system
 * @property {boolean} still          no stream, no motion: one answer, for pictures
 */

/** @template {string} T @param {string | null} value @param {readonly T[]} allowed @returns {T | null} */
const oneOf = (value, allowed) => allowed.find(item => item === value) ?? null;

/** @returns {Address} */
export function readAddress(/** @type {string} */ search) {
  const query = new URLSearchParams(search);
  const named = query.get('bucket');
  const bucket = named && periodOf(named) ? named : null;
  return {
    unit: query.get('unit') || null,
    bucket,
    period: (bucket && periodOf(bucket)) ?? oneOf(query.get('period'), PERIODS) ?? 'month',
    members: query.get('members') || null,
    metric: oneOf(query.get('metric'), ['revenue', 'attainment']) ?? 'revenue',
    me: query.get('me') || null,
    view: oneOf(query.get('view'), ['all', 'around']),
    scale: oneOf(query.get('scale'), ['yuan', 'wan']),
    lang: query.get('lang')?.toLowerCase().startsWith('en') ? 'en' : 'zh-CN',
    theme: oneOf(query.get('theme'), ['light', 'dark']),
    still: query.has('still'),
  };
}

/** The query of an address; what is as by default is left out. */
export function writeAddress(/** @type {Address} */ address) {
  const query = new URLSearchParams();
  const put = (/** @type {string} */ name, /** @type {string | null} */ value) => value && query.set(name, value);
  put('unit', address.unit);
  if (address.bucket) put('bucket', address.bucket);
  else put('period', address.period === 'month' ? null : address.period);
  put('members', address.members);
  put('metric', address.metric === 'revenue' ? null : address.metric);
  put('me', address.me);
  put('view', address.view);
  put('scale', address.scale);
  put('lang', address.lang === 'en' ? 'en' : null);
  put('theme', address.theme);
  if (address.still) query.set('still', '1');
  return '?' + query;
}
