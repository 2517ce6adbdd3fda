// Whether the board is live, and the instant it is true for: a shape, a word and a time; and a line that explains if not live.

import { fill, h } from './dom.js';
import { dayLabel, localTime } from './dates.js';

/** @typedef {import('./view.js').Showing} Showing */
/** @typedef {'live' | 'stale' | 'offline' | 'rebuilding' | 'paused' | 'loading'} Live */

/** @param {import('./words.js').Words} words */
export function createStatus(words) {
  const element = h('span', { class: 'live' });
  const notice = h('p', { class: 'notice', hidden: true, role: 'status' });
  return {
    element,
    notice,
    /** @param {Live} live @param {import('./api.js').Board | null} board @param {import('./figures.js').Lang} lang */
    update(live, board, lang) {
      element.dataset.live = live;
      /** @type {(Node | string)[]} */
      const said = [h('span', { class: 'dot', 'aria-hidden': 'true' }), h('b', {}, words.live[live])];
      if (board) {
        const instant = board.recorded_through ?? board.generated_at;
        const [day, time] = localTime(instant, board.period.time_zone);
        const date = day === board.period.today_on ? '' : dayLabel(day, lang, board.period.today_on.slice(0, 4)) + ' ';
        said.push(h('span', { class: 'since' }, words.asOf + ' ', h('time', { datetime: instant }, date + time)));
      }
      fill(element, ...said);
      const text = live === 'stale' || live === 'offline' || live === 'rebuilding' ? words.notice[live] : '';
      notice.hidden = !text;
      notice.dataset.live = live;
      fill(notice, text);
    },
  };
}
