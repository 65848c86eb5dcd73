// What the requests tell, by route; above it, when how many took how long.

import { ask, button, h, number, options, quiet, redraw, s, table, teach } from './dom.js';
import { count, duration, plural, tick, time } from './format.js';
import { live } from './live.js';

export const title = 'Routes';

const WINDOWS = [['1', 'last minute'], ['5', 'last 5 minutes'], ['15', 'last 15 minutes'], ['60', 'last hour'], ['', 'all']];
const [WIDTH, HEIGHT, LEFT] = [1280, 240, 64];
const HEAD = ['Route', '#Count', '#Rate', '#Errors', '#Average', '#p50', '#p95', '#p99', 'Over time', ''];

export function show(main, { query, go }) {
  let minutes = query.get('minutes') ?? '15';
  let route = query.get('route');
  const params = (more) => new URLSearchParams({ ...more, ...(route != null && { route }) });
  const body = h('div');
  const select = h('select', { 'aria-label': 'Of which time', onchange: () => set(select.value, route) }, options(WINDOWS.map(([value, text]) => [value, text, value === minutes])));
  main.append(h('header.head', h('h1', 'Routes'), h('p.choices', select)), body);

  function set(newMinutes, newRoute) {
    [minutes, route] = [newMinutes, newRoute];
    history.replaceState(null, '', `?${params({ minutes })}`);
    load();
  }

  async function load() {
    const figures = await ask(`/api/routes?${params(minutes && { minutes })}`).catch(() => null);
    if (!figures || !body.isConnected) return;
    // What has the focus keeps it.
    const { key } = document.activeElement.dataset;
    if (figures.routes.length) redraw(body, heatmap(figures), table(HEAD, figures.routes.map((row) => of(row, figures))));
    else body.replaceChildren(h('div.empty', teach('No requests in this time.', 'Then it says here how many there were, how many failed, and how long they took.')));
    if (key) focus(key);
  }

  const focus = (key) => body.querySelector(`[data-key="${CSS.escape(key)}"]`)?.focus();

  function heatmap({ from_us: from, heatmap: { step_us: step, steps, bounds_ns: bounds, cells } }) {
    const rows = bounds.length - 1;
    const [w, rowHeight] = [(WIDTH - LEFT) / steps, Math.min(HEIGHT / rows, 32)];
    const height = rowHeight * rows;
    const y = (row) => height - row * rowHeight;
    const most = Math.max(...cells.map((cell) => cell.count), 1);
    const rects = cells.map((cell, index) => {
      const [from_us, to_us] = [cell.step, cell.step + 1].map((n) => Math.round(from + n * step));
      const [min_ns, max_ns] = [bounds[cell.row], bounds[cell.row + 1]];
      const label = `${plural(cell.count, 'request')}${cell.errors ? `, ${cell.errors} failed` : ''}, ${duration(min_ns)} to ${duration(max_ns)}, at ${time(from_us)}`;
      const open = () => go(`/traces?${params({ from_us, to_us, min_ns, max_ns })}`);
      return s('rect', {
        class: cell.errors ? 'cell failed' : 'cell', x: LEFT + cell.step * w + 1, y: y(cell.row + 1) + 1, width: w - 2, height: rowHeight - 2,
        'fill-opacity': 0.15 + 0.85 * Math.sqrt(cell.count / most), role: 'link', 'aria-label': label, tabindex: index ? -1 : 0, 'data-key': `${cell.step}/${cell.row}`,
        onclick: open, onkeydown: (event) => (event.key === 'Enter' ? open() : walk(event, cells, cell, index)),
      }, s('title', label));
    });
    const every = Math.ceil(rows / 6);
    const lines = bounds.map((ns, row) => row % every === 0 && ns < 1e14 && [
      s('line', { x1: LEFT, x2: WIDTH, y1: y(row), y2: y(row) }), s('text', { x: LEFT - 8, y: y(row) + 4, 'text-anchor': 'end' }, tick(ns))]);
    const times = [0, 15, 30, 45, 60].map((n) => s('text', { x: LEFT + n * w, y: height + 20, 'text-anchor': n ? n < 60 ? 'middle' : 'end' : 'start' }, time(from + n * step).slice(0, 8)));
    const caption = `${plural(cells.reduce((sum, cell) => sum + cell.count, 0), 'request')}${route == null ? '' : ` of ${route || '(no route)'}`}, by time and duration`;
    return h('figure',
      h('figcaption', h('b', caption), quiet(' the stronger, the more; outlined: some failed; a click shows the traces '),
        route != null && button('every route ✕', () => set(minutes, null), { class: 'chip' })),
      h('div.wide', s('svg', { viewBox: `0 -8 ${WIDTH} ${height + 32}`, role: 'group', 'aria-label': caption }, lines, times, rects)));
  }

  /** The arrows go from cell to cell; these are in order of time, then of duration. */
  function walk(event, cells, { step }, index) {
    const to = {
      ArrowUp: index + 1, ArrowDown: index - 1,
      ArrowRight: cells.findIndex((cell) => cell.step > step), ArrowLeft: cells.findLastIndex((cell) => cell.step < step),
    }[event.key];
    if (!cells[to]) return;
    event.preventDefault();
    focus(`${cells[to].step}/${cells[to].row}`);
  }

  function of(row, { routes }) {
    const slowest = Math.max(...routes.map((row) => row.p99_ns));
    const isChosen = row.route === route;
    return h('tr', { class: isChosen && 'chosen' },
      h('th', { scope: 'row' }, button(row.route || '(no route)', () => set(minutes, isChosen ? null : row.route),
        { class: 'link', 'data-key': `route ${row.route}`, 'aria-pressed': String(isChosen) })),
      number(count(row.count)), number(`${row.rate.toFixed(row.rate < 10 ? 2 : 0)} /s`),
      number(`${((row.errors / row.count) * 100).toFixed(row.errors ? 1 : 0)} %`, row.errors),
      [row.average_ns, row.p50_ns, row.p95_ns].map((ns) => number(duration(ns))),
      h('td.number.meter', duration(row.p99_ns), h('i', { style: { width: `${(row.p99_ns / slowest) * 100}%` } })),
      h('td', spark(row.over_time)), h('td', row.route && h('a', { href: `/traces?${new URLSearchParams({ route: row.route })}` }, 'traces')));
  }

  function spark(values) {
    const most = Math.max(...values, 1);
    const points = values.map((value, i) => `${2 * i},${22 - (value / most) * 20}`);
    return s('svg.spark', { viewBox: '0 0 120 24', role: 'img', 'aria-label': `up to ${most}` }, s('polyline', { points: points.join(' ') }));
  }

  load();
  const timer = setInterval(() => live.paused || document.hidden || load(), 2000);
  return { leave: () => clearInterval(timer) };
}
