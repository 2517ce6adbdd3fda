// Every cell's text, every named figure, and, as `loose`, every visible text with a digit that stands anywhere else.
() => {
  const page = document.getElementById('page');
  const text = (root, selector) => root.querySelector(selector)?.textContent ?? null;
  const rows = [...document.querySelectorAll('tbody tr')].map(row => row.classList.contains('skip')
    ? { skip: row.dataset.skip, text: row.textContent }
    : {
      member: row.dataset.member,
      data_score: row.dataset.score,
      data_rank: row.dataset.rank,
      me: row.classList.contains('me'),
      rank: text(row, '.c-rank'),
      move: text(row, '.c-move'),
      name: text(row, '.name .link'),
      at: text(row, '.at'),
      score: text(row, '.c-score'),
      score_title: row.querySelector('.c-score').title,
      gap: text(row, '.c-gap'),
      day: text(row, '.c-day'),
      percent: text(row, '.c-percent'),
      reach: row.querySelector('.lane').style.getPropertyValue('--reach'),
    });
  const figures = [...document.querySelectorAll('[data-figure]')].filter(element => element.checkVisibility());
  const term = document.querySelector('[data-figure=required]')?.previousElementSibling;
  const known = '[data-figure], tbody td, tbody th, h1, .name, .path, .period, .live time, .foot p, .spoken, .leader b, '
    + '.finish, [data-absent], .absent .more';
  const loose = [];
  const walk = document.createTreeWalker(page, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const { data, parentElement } = walk.currentNode;
    const counts = /\d/.test(data) && parentElement.checkVisibility();
    if (counts && parentElement !== term && !parentElement.closest(known)) loose.push(data);
  }
  const cells = ['c-rank', 'c-move', 'c-name', 'c-score', 'c-gap', 'c-day', 'c-percent'];
  return {
    version: page.dataset.version,
    board: page.dataset.board,
    as_of: JSON.parse(page.dataset.asOf),
    rows,
    figures: Object.fromEntries(figures.map(element => [element.dataset.figure, element.textContent])),
    loose,
    required_term: term?.textContent ?? null,
    unit: text(page, 'h1'),
    leader: text(page, '.leader b'),
    period: text(page, '.period > span:first-child'),
    time: text(page, '.live time'),
    foot: text(page, '.foot p:last-child'),
    score_head: text(page, 'th.c-score'),
    gap_head: text(page, 'th.c-gap'),
    columns: cells.filter(cell => document.querySelector(`tbody tr:not(.skip) .${cell}`)?.checkVisibility()),
  };
}
