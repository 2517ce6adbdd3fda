// Where the shown answer comes from: the stream of the first rows, or, if the reader looks elsewhere, a GET after each change.

import { boardPath, follow, read, WINDOW } from './api.js';

/** @typedef {import('./api.js').Board} Board */
/** @typedef {{unitId: string, members: string, metric: string, bucket: string}} Wanted */
/** @typedef {{kind: 'top', limit: number} | {kind: 'around', member: string}} Part */

const RADIUS = 6;
const BETWEEN_READS_MS = 1_000;
/** Who is not on the board is looked for again after this long. */
const LOOK_AGAIN_MS = 10_000;
export const LIMITS = [WINDOW, 300, 1_000];

/** @param {string} path @param {Part} part */
const query = (path, part) =>
  part.kind === 'around' ? `${path}/around/${encodeURIComponent(part.member)}?radius=${RADIUS}` : `${path}?limit=${part.limit}`;

/**
 * Follows a board. `part` is asked at each change which rows are wanted, given the first rows.
 * @param {Wanted} wanted
 * @param {(top: Board) => Part} part
 * @param {boolean} once read one answer and stop
 * @param {{board(board: Board): void, state(state: 'rebuilding' | 'unreachable' | 'offline'): void, problem(problem: Problem): void}} on
 * @returns {{again(): void, stop(): void}} `again`: the wanted rows may be others now
 */
export function watch(wanted, part, once, on) {
  const path = boardPath(wanted.unitId, wanted.members, wanted.metric, wanted.bucket);
  const stopped = new AbortController();
  /** @type {Board | null} */
  let top = null;
  let reading = false;
  let behind = false;
  let missing = { id: '', until: 0 };

  /** Whether a member has a row; not at every change, if it has none. */
  async function isThere(/** @type {string} */ member) {
    if (missing.id === member && performance.now() < missing.until) return false;
    const chosen = await read(`${path}/members?ids=${encodeURIComponent(member)}`, stopped.signal);
    if (chosen.rows.length === 0) missing = { id: member, until: performance.now() + LOOK_AGAIN_MS };
    return chosen.rows.length > 0;
  }

  /** Shows the wanted rows of the latest version; one read at a time, and never more than one a second. */
  async function show() {
    if (!top) return;
    const now = part(top);
    if (now.kind === 'top' && now.limit === WINDOW) return on.board(top);
    if (reading) {
      behind = true;
      return;
    }
    reading = true;
    behind = false;
    try {
      const there = now.kind === 'top' || (await isThere(now.member));
      on.board(there ? await read(query(path, now), stopped.signal) : top);
    } catch {
      if (stopped.signal.aborted) return;
      on.state('offline');
    }
    if (!once) await new Promise(done => setTimeout(done, BETWEEN_READS_MS));
    reading = false;
    if (behind && !stopped.signal.aborted) show();
  }

  const got = (/** @type {Board} */ board) => {
    top = board;
    show();
  };
  if (once) read(`${path}?limit=${WINDOW}`, stopped.signal).then(got, problem => stopped.signal.aborted || on.problem(problem));
  else follow(path, stopped.signal, { ...on, board: got });
  return { again: show, stop: () => stopped.abort() };
}
