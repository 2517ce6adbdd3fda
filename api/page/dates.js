// Buckets and instants as people read them. Pure: the day, the zone and the language are arguments.

/** @typedef {'day' | 'week' | 'month' | 'quarter' | 'year'} Period */
/** @typedef {import('./figures.js').Lang} Lang */

/** @type {Period[]} */
export const PERIODS = ['day', 'week', 'month', 'quarter', 'year'];
const DAY_MS = 86_400_000;
const ENGLISH_MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const FULL_MONTHS = [
  'January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September', 'October', 'November', 'December',
];

const at = (/** @type {string} */ day) => Date.parse(day + 'T00:00:00Z');
const iso = (/** @type {number} */ ms) => new Date(ms).toISOString().slice(0, 10);
const weekday = (/** @type {number} */ ms) => (new Date(ms).getUTCDay() + 6) % 7;
const two = (/** @type {number} */ n) => String(n).padStart(2, '0');

/** The period a bucket name is of, or null if it is not a bucket name. @returns {Period | null} */
export function periodOf(/** @type {string} */ bucket) {
  if (/^\d{4}-\d\d-\d\d$/.test(bucket)) return 'day';
  if (/^\d{4}-W\d\d$/.test(bucket)) return 'week';
  if (/^\d{4}-\d\d$/.test(bucket)) return 'month';
  if (/^\d{4}-Q[1-4]$/.test(bucket)) return 'quarter';
  return /^\d{4}$/.test(bucket) ? 'year' : null;
}

/** The bucket of a period that holds a day. */
export function bucketOf(/** @type {string} */ day, /** @type {Period} */ period) {
  const [year, month] = day.split('-');
  if (period === 'day') return day;
  if (period === 'month') return `${year}-${month}`;
  if (period === 'quarter') return `${year}-Q${Math.ceil(Number(month) / 3)}`;
  if (period === 'year') return year;
  const thursday = at(day) + (3 - weekday(at(day))) * DAY_MS;
  const weekYear = new Date(thursday).getUTCFullYear();
  return `${weekYear}-W${two(Math.floor((thursday - Date.UTC(weekYear, 0, 1)) / DAY_MS / 7) + 1)}`;
}

/** First and last day of a bucket. @returns {[string, string]} */
export function spanOf(/** @type {string} */ bucket) {
  const year = Number(bucket.slice(0, 4));
  const months = (/** @type {number} */ first, /** @type {number} */ last) =>
    /** @type {[string, string]} */ ([iso(Date.UTC(year, first, 1)), iso(Date.UTC(year, last + 1, 0))]);
  switch (periodOf(bucket)) {
    case 'week': {
      const fourth = Date.UTC(year, 0, 4);
      const monday = fourth - weekday(fourth) * DAY_MS + (Number(bucket.slice(6)) - 1) * 7 * DAY_MS;
      return [iso(monday), iso(monday + 6 * DAY_MS)];
    }
    case 'month': return months(Number(bucket.slice(5)) - 1, Number(bucket.slice(5)) - 1);
    case 'quarter': return months((Number(bucket[6]) - 1) * 3, Number(bucket[6]) * 3 - 1);
    case 'year': return months(0, 11);
    default: return [bucket, bucket];
  }
}

/** The bucket before or after one. */
export function neighbour(/** @type {string} */ bucket, /** @type {-1 | 1} */ step) {
  const [first, last] = spanOf(bucket);
  return bucketOf(iso(step < 0 ? at(first) - DAY_MS : at(last) + DAY_MS), periodOf(bucket) ?? 'day');
}

/** "5月21日", "21 May"; with the year if it is not the given one. */
export function dayLabel(/** @type {string} */ day, /** @type {Lang} */ lang, year = day.slice(0, 4)) {
  const [y, m, d] = day.split('-').map(Number);
  const other = day.slice(0, 4) !== year;
  if (lang === 'zh-CN') return `${other ? y + '年' : ''}${m}月${d}日`;
  return `${d} ${ENGLISH_MONTHS[m - 1]}${other ? ' ' + y : ''}`;
}

/** A bucket in words: "第21周 5月18–24日", "Q2 2026". `today` decides whether a day needs its year. */
export function bucketLabel(/** @type {string} */ bucket, /** @type {Lang} */ lang, /** @type {string} */ today) {
  const zh = lang === 'zh-CN';
  const year = bucket.slice(0, 4);
  const [first, last] = spanOf(bucket);
  switch (periodOf(bucket)) {
    case 'week': {
      const number = Number(bucket.slice(6));
      const sameMonth = first.slice(0, 7) === last.slice(0, 7);
      const until = Number(last.slice(8));
      if (zh) {
        const from = dayLabel(first, lang, today.slice(0, 4));
        const span = sameMonth ? `${from.slice(0, -1)}–${until}日` : `${from}–${dayLabel(last, lang, first.slice(0, 4))}`;
        return `第${number}周 ${span}`;
      }
      const from = sameMonth ? Number(first.slice(8)) : dayLabel(first, lang, last.slice(0, 4));
      return `Week ${number}, ${from}–${dayLabel(last, lang, today.slice(0, 4))}`;
    }
    case 'month': return zh ? `${year}年${Number(bucket.slice(5))}月` : `${FULL_MONTHS[Number(bucket.slice(5)) - 1]} ${year}`;
    case 'quarter': return zh ? `${year}年第${bucket[6]}季度` : `Q${bucket[6]} ${year}`;
    case 'year': return zh ? `${year}年` : year;
    default: return dayLabel(bucket, lang, today.slice(0, 4));
  }
}

/** The day and the time of an instant in a zone: ["2026-05-21", "14:32:08"]. @returns {[string, string]} */
export function localTime(/** @type {string} */ instant, /** @type {string} */ zone) {
  const parts = new Intl.DateTimeFormat('en-CA', {
    timeZone: zone, hourCycle: 'h23', year: 'numeric', month: '2-digit', day: '2-digit',
    hour: '2-digit', minute: '2-digit', second: '2-digit',
  }).formatToParts(new Date(instant));
  const part = (/** @type {string} */ type) => parts.find(p => p.type === type)?.value ?? '';
  return [`${part('year')}-${part('month')}-${part('day')}`, `${part('hour')}:${part('minute')}:${part('second')}`];
}
