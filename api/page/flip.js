// A row that changes place is seen to: read the places, change the order, play the difference back to nothing.

const EASING = 'cubic-bezier(.2,.75,.2,1)';
const MOVE_MS = 620;
const OVERTAKE_MS = 760;

/**
 * Runs `change` and, if motion is wanted, moves the rows from where they were. Rows of class `me` hold still.
 * @param {HTMLTableSectionElement} body
 * @param {() => void} change
 * @param {(row: HTMLElement) => boolean} overtakes whether a row passes over the others
 * @param {boolean} motion
 */
export function flip(body, change, overtakes, motion) {
  if (!motion) return change();
  const before = new Map([...body.rows].map(row => [row, row.getBoundingClientRect().top]));
  change();
  const moved = [...body.rows].map(row => ({ row, by: (before.get(row) ?? NaN) - row.getBoundingClientRect().top }));
  for (const { row, by } of moved) {
    if (!(Math.abs(by) >= 1) || row.classList.contains('me')) continue;
    const first = overtakes(row);
    row.classList.toggle('moving', first);
    const timing = { duration: first ? OVERTAKE_MS : MOVE_MS, easing: EASING };
    const animation = row.animate([{ transform: `translateY(${by}px)` }, { transform: 'none' }], timing);
    animation.onfinish = animation.oncancel = () => row.classList.remove('moving');
  }
}
