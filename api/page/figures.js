// How numbers are written. Pure; money is BigInt minor units, attainment is BigInt parts per million.
//
// What has been sold is cut, never rounded up: a board must not say more than was sold. What must still be sold is rounded
// up: a rep who sells what the page says has arrived. Percent is cut to one decimal, so 99.99 % is never shown as arrived.

/** @typedef {'zh-CN' | 'en'} Lang */
/** @typedef {{step: bigint, digits: number, label: string}} Scale  `step`: minor units of the last digit shown. */
/** @typedef {{yuan: Scale, wan: Scale, yi: Scale}} Scales */

export const MINUS = '\u2212';
const THIN = /\B(?=(\d{3})+(?!\d))/g;

/** Division towards nought. */
const cut = (/** @type {bigint} */ value, /** @type {bigint} */ step) => value / step;

/** Division away from nought: what must be sold, in the last digit shown. */
export const roundUp = (/** @type {bigint} */ value, /** @type {bigint} */ step) =>
  value > 0n ? (value + step - 1n) / step : value / step;

/** Division towards minus infinity. */
export const floorDivide = (/** @type {bigint} */ value, /** @type {bigint} */ step) =>
  value / step - (value % step !== 0n && value < 0n !== step < 0n ? 1n : 0n);

/**
 * An integer with thousands separators and, if asked, its last `digits` digits as decimals.
 * @param {bigint} units
 * @param {number} [digits]
 */
export function grouped(units, digits = 0) {
  const magnitude = (units < 0n ? -units : units).toString().padStart(digits + 1, '0');
  const whole = magnitude.slice(0, magnitude.length - digits).replace(THIN, ',');
  return (units < 0n ? MINUS : '') + whole + (digits ? '.' + magnitude.slice(-digits) : '');
}

/**
 * The scales of a currency: 元, 万元, 亿元 in Chinese; ¥, ¥K, ¥M in English.
 * @param {Lang} lang
 * @param {string} currency ISO 4217
 * @returns {Scales}
 */
export function scalesOf(lang, currency) {
  const format = new Intl.NumberFormat(lang, { style: 'currency', currency, currencyDisplay: 'narrowSymbol' });
  const unit = 10n ** BigInt(format.resolvedOptions().maximumFractionDigits ?? 2);
  if (lang === 'zh-CN') {
    const name = currency === 'CNY' ? '元' : new Intl.DisplayNames(lang, { type: 'currency' }).of(currency) ?? currency;
    return {
      yuan: { step: unit, digits: 0, label: name },
      wan: { step: unit * 100n, digits: 2, label: '万' + name },
      yi: { step: unit * 1_000_000n, digits: 2, label: '亿' + name },
    };
  }
  const symbol = format.formatToParts(0).find(part => part.type === 'currency')?.value ?? currency;
  return {
    yuan: { step: unit, digits: 0, label: symbol },
    wan: { step: unit * 100n, digits: 1, label: symbol + 'K' },
    yi: { step: unit * 10_000n, digits: 2, label: symbol + 'M' },
  };
}

/** A column is in 元 up to 1,000 万 元, else in 万元. */
export const columnScale = (/** @type {Scales} */ scales, /** @type {bigint} */ greatest) =>
  greatest >= scales.yuan.step * 10_000_000n ? 'wan' : 'yuan';

/** The unit's block is in 万元, from 100 亿 on in 亿元. */
export const blockScale = (/** @type {Scales} */ scales, /** @type {bigint} */ greatest) =>
  greatest >= scales.yuan.step * 10_000_000_000n ? scales.yi : scales.wan;

/** An amount sold, in a scale: digits only. */
export const sold = (/** @type {bigint} */ minor, /** @type {Scale} */ scale) => grouped(cut(minor, scale.step), scale.digits);

/** An amount that must be sold, in a scale: digits only. */
export const needed = (/** @type {bigint} */ minor, /** @type {Scale} */ scale) => grouped(roundUp(minor, scale.step), scale.digits);

/**
 * Digits with their unit: "393.77 万元", "¥393.7K".
 * @param {string} digits
 * @param {Scale} scale
 * @param {Lang} lang
 */
export function withUnit(digits, scale, lang) {
  if (lang === 'zh-CN') return `${digits} ${scale.label}`;
  const suffix = /[KM]$/.exec(scale.label)?.[0] ?? '';
  const symbol = scale.label.slice(0, scale.label.length - suffix.length);
  return digits.startsWith(MINUS) ? MINUS + symbol + digits.slice(1) + suffix : symbol + digits + suffix;
}

/** "70.1%"; above 1,000 % without a decimal. */
export function percent(/** @type {bigint} */ ppm) {
  const magnitude = ppm < 0n ? -ppm : ppm;
  return (magnitude >= 10_000_000n ? grouped(floorDivide(ppm, 10_000n)) : grouped(floorDivide(ppm, 1_000n), 1)) + '%';
}

/** The distance of two attainments in percentage points, without sign, cut: "2.4". */
export const points = (/** @type {bigint} */ ppm) => grouped((ppm < 0n ? -ppm : ppm) / 1_000n, 1);

/** floor(total * 10^6 / target). */
export const ppmOf = (/** @type {bigint} */ total, /** @type {bigint} */ target) => floorDivide(total * 1_000_000n, target);
