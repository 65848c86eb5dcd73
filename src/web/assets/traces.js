// All traces that are kept, live: only the rows that one sees are elements.

import { ask, button, calm, field, h, options, teach, tell } from './dom.js';
import { count, duration, grade, plural, rfc3339, time } from './format.js';
import { live, onChange, traces } from './live.js';

export const title = 'Traces';

const ROW = 36;
/** Rows drawn above and below what one sees. */
const AROUND = 8;
const COLUMNS = [['Time', 'time'], ['Request'], ['Status', 'number'], ['Duration', 'number'], ['', 'length'], ['Spans', 'number spans']];

export function show(main, { query, go }) {
  // The filter is the address's query, and what the service is asked for: it knows what attributes say.
  const filter = Object.fromEntries(query);
  const isFiltered = () => Object.keys(filter).length > 0;
  let found = [];
  let shown = [];
  let current = 0;
  let max;

  async function search() {
    const asked = `${new URLSearchParams(filter)}`;
    const answer = asked && await ask(`/api/traces?${asked}`).catch((error) => tell(error.message));
    if (!answer || asked !== `${new URLSearchParams(filter)}`) return;
    // What another filter let through need not stay in place.
    const isNew = asked !== search.last;
    search.last = asked;
    found = answer.traces;
    update(isNew);
  }
  const searchSoon = calm(150, search);
  const searchAgain = calm(1000, search);

  function set(key, value) {
    if (value) filter[key] = value;
    else delete filter[key];
    history.replaceState(null, '', `?${new URLSearchParams(filter)}`);
    drawFilter();
    if (isFiltered()) searchSoon();
    else update(true);
  }

  const route = h('select', { 'aria-label': 'Route', onchange: () => set('route', route.value) });
  const status = h('select', { 'aria-label': 'Status', onchange: () => set('status', status.value) },
    options([['', 'any status'], ...['2xx', '3xx', '4xx', '5xx'].map((value) => [value, value])]));
  const slow = field('number', 'min ms', () => set('min_ns', Math.round(slow.value * 1e6)), { min: 0, step: 'any' });
  const errors = h('input', { type: 'checkbox', onchange: () => set('errors', errors.checked) });
  const text = field('search', 'text, or key=value', () => set('text', text.value));
  const chips = h('span.choices');

  function drawFilter() {
    const routes = ['', ...new Set([...traces().map((trace) => trace.route), filter.route].filter(Boolean))].sort();
    if (routes.join() !== [...route.options].map((option) => option.value).join()) {
      route.replaceChildren(...options(routes.map((value) => [value, value || 'every route'])));
    }
    const put = (field, value) => field === document.activeElement || (field.value = value ?? '');
    put(route, filter.route);
    put(status, filter.status);
    put(text, filter.text);
    put(slow, filter.min_ns && filter.min_ns / 1e6);
    errors.checked = filter.errors;
    const chip = (label, ...keys) => button(`${label} ✕`, () => keys.forEach((key) => set(key)), { class: 'chip' });
    chips.replaceChildren(...[
      filter.from_us && chip(`${time(filter.from_us)} – ${time(filter.to_us)}`, 'from_us', 'to_us'),
      filter.max_ns && chip(`${duration(filter.min_ns ?? 0)} – ${duration(filter.max_ns)}`, 'min_ns', 'max_ns'),
    ].filter(Boolean));
  }

  const news = button('', () => {
    scroller.scrollTop = 0;
    update(true);
  }, { class: 'main', hidden: true });
  const rows = h('div.spacer', { role: 'rowgroup' });
  const scroller = h('div.scroller', { role: 'table', 'aria-label': 'Traces, the newest first', onscroll: () => requestAnimationFrame(draw) },
    h('div.tr.head-row', { role: 'row' }, COLUMNS.map(([name, type]) => h('span', { role: 'columnheader', class: type, title: name === 'Duration' && 'The bar is logarithmic' }, name))), rows);
  const empty = h('div.empty');
  const summary = h('span.quiet');

  /** Takes in what is new; without `force`, only where that moves nothing which one reads. */
  function update(force) {
    const all = isFiltered() ? found : traces();
    const known = new Set(shown.map((trace) => trace.trace_id));
    const isReading = live.paused || scroller.scrollTop > 0 || rows.contains(document.activeElement);
    const waiting = isReading && !force && shown.length ? all.filter((trace) => !known.has(trace.trace_id)).length : 0;
    if (waiting) {
      // Brought up to date where it stands.
      const now = new Map(all.map((trace) => [trace.trace_id, trace]));
      shown = shown.map((trace) => now.get(trace.trace_id) ?? trace);
    } else if (!isReading || force || !shown.length || !live.paused) shown = all;
    max = Math.max(...shown.map((trace) => trace.duration_ns ?? 0), 1e5);
    current = Math.max(Math.min(current, shown.length - 1), 0);
    news.hidden = !waiting;
    news.textContent = `${count(waiting)} new`;
    summary.textContent = `${plural(shown.length, 'trace')}${live.leftOut ? `, ${plural(live.leftOut, 'span')} came too fast` : ''}`;
    scroller.ariaRowCount = shown.length + 1;
    empty.hidden = shown.length;
    scroller.hidden = !shown.length;
    empty.replaceChildren(...(isFiltered() ? ['No trace is like that. ', button('Show all', () => go('/traces'))] : teach('No traces yet.', 'Each call becomes a trace, listed here at once.')));
    draw();
  }

  function draw() {
    rows.style.height = `${shown.length * ROW}px`;
    const first = Math.max(Math.floor(scroller.scrollTop / ROW) - AROUND, 0);
    const last = Math.ceil((scroller.scrollTop + scroller.clientHeight) / ROW) + AROUND;
    const hadFocus = rows.contains(document.activeElement);
    rows.replaceChildren(...shown.slice(first, last).map((trace, i) => row(trace, first + i)));
    if (hadFocus) focus();
  }

  const focus = () => rows.querySelector('[tabindex="0"]')?.focus({ preventScroll: true });

  function row(trace, index) {
    const { trace_id: id, name, target, status, duration_ns: ns, start_us: us } = trace;
    const [method, ...rest] = name.split(' ');
    // From ten microseconds to the longest, in powers of ten.
    const length = ns == null ? 1 : Math.max(Math.log10(ns / 1e4) / Math.log10(max / 1e4), 0.01);
    const cell = (type, ...content) => h('span', { role: 'cell', class: type }, content);
    return h('div', {
      class: `tr ${trace.errors ? 'error' : ''} ${trace.running ? 'running' : ''}`, role: 'row', 'aria-rowindex': index + 2,
      style: { transform: `translateY(${index * ROW}px)` }, onclick: (event) => event.target.closest('a') || go(`/traces/${id}`),
    },
    h('time', { role: 'cell', title: rfc3339(us) }, time(us)),
    cell('request', trace.errors > 0 && h('b.bad', { title: trace.error_type }, '✕'),
      h('a', { href: `/traces/${id}`, tabindex: index === current ? 0 : -1, onfocus: () => { current = index; } }, h('bdi', h('b', method), ` ${rest.join(' ')}`)),
      target !== trace.route && h('span.quiet.target', { title: target, 'data-only': !trace.route }, target)),
    cell(`number ${grade(status)}`, status ?? (trace.running ? '…' : '–')),
    cell('number', duration(ns)),
    cell('length', h('i', { style: { width: `${length * 100}%` } })),
    cell('number spans', trace.spans));
  }

  scroller.addEventListener('keydown', (event) => {
    const seen = scroller.clientHeight - ROW;
    const page = Math.floor(seen / ROW);
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity }[event.key];
    if (!step) return;
    event.preventDefault();
    current = Math.min(Math.max(current + step, 0), shown.length - 1);
    const top = current * ROW;
    scroller.scrollTop = Math.min(Math.max(scroller.scrollTop, top + ROW - seen), top);
    draw();
    focus();
  });

  const clear = async () => {
    if (!confirm('Forget all traces and figures?')) return;
    await ask('/api/traces', { method: 'DELETE' });
    tell('Cleared');
  };
  main.append(
    h('header.head', h('h1', 'Traces'),
      h('form.choices', { role: 'search', onsubmit: (event) => event.preventDefault() }, route, status, slow, h('label', errors, ' errors only'), text, chips),
      h('p.choices', news, summary, h('a.button', { href: '/api/otlp', download: true }, 'Download OTLP/JSON'), button('Clear', clear))),
    scroller, empty);
  drawFilter();
  search();
  update(true);
  const off = onChange(() => {
    drawFilter();
    // After a clear nothing is there any more that one could read.
    if (!isFiltered()) update(!traces().length);
    else if (!live.paused) searchAgain();
  });
  addEventListener('resize', draw);
  return { leave: () => {
    off();
    removeEventListener('resize', draw);
  } };
}
