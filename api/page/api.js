// The read API as the page uses it: JSON by GET, boards by server-sent events.

/** @typedef {{control?: number, reps?: number, sales?: number, targets?: number}} Offsets */
/** @typedef {{rep_id: string, name: string}} Leader */
/** @typedef {{revenue: string, quantity: string, count: string, lines: string}} Cell */
/**
 * @typedef {object} Standing
 * @property {number | null} rank @property {number | null} previous_rank @property {boolean} is_tied
 * @property {string} member_id @property {'rep' | 'unit'} member_kind @property {string} display_name
 * @property {string | null} unit_id @property {string | null} unit_name @property {Leader | null} leader
 * @property {string} score @property {Cell} cell @property {string | null} target @property {string | null} attainment_ppm
 * @property {string | null} gap_above @property {string | null} gap_above_per_day
 */
/**
 * @typedef {object} Figures
 * @property {string} total @property {string | null} target @property {string | null} attainment_ppm
 * @property {string | null} remaining @property {string | null} required_per_day
 * @property {string | null} children_target @property {string | null} children_target_gap
 */
/**
 * @typedef {object} Unit
 * @property {string} unit_id @property {string | null} name @property {string | null} level @property {string} time_zone
 * @property {Leader | null} leader @property {{unit_id: string, name: string | null, level: string | null}[]} path
 * @property {number} child_count @property {{level: string, unit_count: number}[]} levels_below @property {Figures | null} figures
 */
/**
 * @typedef {object} BoardPeriod
 * @property {string} bucket @property {'day' | 'week' | 'month' | 'quarter' | 'year'} kind @property {string} today_on
 * @property {string} time_zone @property {'upcoming' | 'running' | 'ended'} phase
 * @property {number} selling_days_left @property {string | null} pace_ppm
 */
/**
 * @typedef {object} Board
 * @property {string} board @property {string} unit_id @property {string} members @property {string} metric @property {string} bucket
 * @property {string} currency @property {'live' | 'stale'} state @property {boolean} provisional @property {string} version
 * @property {Record<string, Offsets>} as_of @property {string | null} recorded_through @property {string} generated_at
 * @property {number} member_count @property {number} roster_count @property {number} absent_count @property {number} no_target_count
 * @property {BoardPeriod} period @property {Unit} unit @property {Standing[]} rows
 * @property {string | null} next_cursor @property {string | null} prev_cursor @property {Record<string, string | null>} links
 */

/** How many rows the stream follows. */
export const WINDOW = 100;
const RETRY_MS = 3_000;

/** An answer other than 200, or none at all (`status` 0). */
export class Problem extends Error {
  /** @param {string} type @param {number} status @param {string} title */
  constructor(type, status, title) {
    super(title);
    this.type = type;
    this.status = status;
  }
}

const at = (/** @type {string} */ path) => new URL(path, document.baseURI).href;
const segment = encodeURIComponent;

/** @param {string} unitId @param {string} members @param {string} metric @param {string} bucket */
export const boardPath = (unitId, members, metric, bucket) =>
  `v1/boards/${segment(unitId)}/${segment(members)}/${segment(metric)}/${bucket}`;
export const unitPath = (/** @type {string} */ unitId) => `v1/units/${segment(unitId)}`;

/**
 * The JSON of a path.
 * @param {string} path @param {AbortSignal} [signal] @returns {Promise<any>}
 * @throws {Problem}
 */
export async function read(path, signal) {
  let response;
  try {
    response = await fetch(at(path), { headers: { accept: 'application/json' }, signal });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Problem('/problems/unreachable', 0, String(error));
  }
  if (response.ok) return response.json();
  const body = await response.json().catch(() => ({}));
  throw new Problem(String(body.type ?? ''), response.status, String(body.title ?? response.statusText));
}

/** @typedef {{envelope: Partial<Board>, order: string[], rows: Record<string, Standing>}} Delta */

/**
 * A delta applied to a board: a new board, or null if the delta does not fit it.
 * @param {Board} board @param {Delta} delta @returns {Board | null}
 */
export function applyDelta(board, delta) {
  const known = new Map(board.rows.map(row => [row.member_id, row]));
  const rows = delta.order.map(id => delta.rows[id] ?? known.get(id));
  return rows.every(Boolean) ? { ...board, ...delta.envelope, rows: /** @type {Standing[]} */ (rows) } : null;
}

/**
 * Follows a board until `signal` says stop. A lost connection is taken up again, by the browser or, after a refusal, here.
 * @param {string} path of the board
 * @param {AbortSignal} signal
 * @param {{board(board: Board): void, state(state: 'rebuilding' | 'unreachable' | 'offline'): void, problem(problem: Problem): void}} on
 */
export function follow(path, signal, on) {
  /** @type {Board | null} */
  let board = null;
  const stream = new EventSource(at(`${path}/stream?window=${WINDOW}`));
  const again = () => {
    stream.close();
    if (!signal.aborted) follow(path, signal, on);
  };
  signal.addEventListener('abort', () => stream.close(), { once: true });
  stream.addEventListener('snapshot', event => {
    board = JSON.parse(event.data);
    on.board(/** @type {Board} */ (board));
  });
  stream.addEventListener('delta', event => {
    board = board && applyDelta(board, JSON.parse(event.data));
    if (board) on.board(board);
    else again();
  });
  stream.addEventListener('state', event => on.state(JSON.parse(event.data).state));
  stream.addEventListener('open', () => board && on.board(board));
  stream.addEventListener('error', async () => {
    if (signal.aborted) return;
    if (stream.readyState !== EventSource.CLOSED) return on.state('offline');
    // Refused, which EventSource does not explain and does not try again: ask by GET why.
    await read(`${path}?limit=1`, signal).catch(problem => !signal.aborted && on.problem(problem));
    setTimeout(again, RETRY_MS);
  });
}
