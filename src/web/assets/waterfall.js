// One trace: its spans in time, and what the chosen one says.

import { button, copy, field, h } from './dom.js';
import { duration, plural, tick, ticks, time, value } from './format.js';

const CHILDREN = 100;

/** `compact`: within another place than its own. */
export function traceView(trace, { compact = false, chosen = 0 } = {}) {
  const { tree } = trace;
  const runs = tree.some((span) => span.duration_ns == null);
  const loaded = performance.now();
  const now = () => trace.age_ns + (performance.now() - loaded) * 1e6;
  const parentOf = (span) => span.depth && span.parent_span_id;
  const [closed, unfolded] = [new Set(), new Set()];
  const axis = h('div.axis', { 'aria-hidden': 'true' });
  const body = h('div', { role: 'treegrid', 'aria-label': 'Spans' });
  const detail = h('div.detail');
  let rows = [];

  /** Nothing below a closed span, and of very many children the first hundred. */
  function visible() {
    const [shown, seen] = [[], new Map()];
    let closedAt = Infinity;
    tree.forEach((span, index) => {
      if (span.depth > closedAt) return;
      closedAt = closed.has(index) ? span.depth : Infinity;
      const parent = parentOf(span);
      const n = (seen.get(parent) ?? 0) + 1;
      seen.set(parent, n);
      if (n <= CHILDREN || unfolded.has(parent)) shown.push({ span, index });
      else {
        closedAt = span.depth;
        if (n === CHILDREN + 1) shown.push({ more: parent });
      }
    });
    return shown;
  }

  function draw() {
    const length = Math.max(runs ? now() : 0, trace.trace_duration_ns, 1);
    const steps = ticks(length);
    axis.replaceChildren(h('span', plural(tree.length, 'span')),
      h('div.track', steps.map((at) => h('span', { style: { left: `${(at / length) * 100}%` } }, tick(at)))));
    rows = visible().map((item) => (item.span ? row(item, length, steps) : more(item)));
    const hadFocus = body.contains(document.activeElement);
    body.replaceChildren(...rows);
    select(chosen, hadFocus);
  }

  function more({ more }) {
    const hidden = tree.filter((span) => parentOf(span) === more).length - CHILDREN;
    const unfold = () => {
      unfolded.add(more);
      draw();
    };
    return h('div', { role: 'row' }, h('div.more', { role: 'gridcell' }, button(`show ${hidden} more`, unfold, { class: 'link' })));
  }

  function row({ span, index }, length, steps) {
    const isOpen = !closed.has(index);
    const percent = (ns, of = length) => `${(ns / of) * 100}%`;
    const isRunning = span.duration_ns == null;
    const took = span.duration_ns ?? now() - span.offset_ns;
    const toggle = (event) => {
      event.stopPropagation();
      open(index, !isOpen);
    };
    const badge = (text, title) => h('span.badge', { title }, text);
    return h('div', {
      class: `row ${span.status === 'error' ? 'error' : ''} ${isRunning ? 'running' : ''}`, role: 'row', 'data-index': index,
      'aria-level': span.depth + 1, 'aria-expanded': span.children ? String(isOpen) : null,
      style: { '--depth': span.depth }, onclick: () => choose(index), onkeydown: (event) => key(event, index),
    },
    h('div.name', { role: 'gridcell' },
      span.children ? button(isOpen ? '▾' : '▸', toggle, { class: 'toggle', tabindex: -1, 'aria-label': isOpen ? 'close' : 'open' }) : h('i.toggle'),
      span.status === 'error' && h('b.bad', { title: 'ended in error' }, '✕'),
      h('span.text', { title: span.name }, span.name), span.kind !== 'INTERNAL' && h('small', span.kind),
      span.slowest_leaf && badge('slowest leaf', 'Of the spans without children, this one took longest'),
      span.findings.length > 0 && badge(plural(span.findings.length, 'finding'))),
    h('div.track', { role: 'gridcell', 'aria-label': `after ${duration(span.offset_ns)}` },
      steps.map((at) => h('i.line', { style: { left: percent(at) } })),
      h('div', { class: `span ${span.slowest_leaf ? 'slowest' : ''}`, style: { left: percent(span.offset_ns), width: percent(took) } },
        span.own.map(([from, to]) => h('i.own', { style: { left: percent(from, took), width: percent(to - from, took) } }))),
      span.events.map((event) => h('i.event', { title: event.name, style: { left: percent(event.offset_ns) } }))),
    h('div.number', { role: 'gridcell', title: isRunning ? 'running' : `${duration(span.self_ns)} of its own` }, duration(took), isRunning && ' …'));
  }

  function open(index, on) {
    closed[on ? 'delete' : 'add'](index);
    draw();
    select(index, true);
  }

  const rowOf = (index) => rows.find((row) => row.dataset.index === String(index));

  function select(index, withFocus) {
    const chosen = rowOf(index) ?? rows[0];
    rows.forEach((row) => {
      row.ariaSelected = row === chosen;
      row.tabIndex = row === chosen ? 0 : -1;
    });
    if (withFocus) chosen.focus();
  }

  function choose(index, withFocus) {
    chosen = index;
    select(index, withFocus);
    detail.replaceChildren(...describe(trace, tree[index], compact));
  }

  function key(event, index) {
    const shown = rows.map((row) => row.dataset.index).filter(Boolean).map(Number);
    const at = shown.indexOf(index);
    const to = { ArrowDown: shown[at + 1], ArrowUp: shown[at - 1], Home: shown[0], End: shown.at(-1) }[event.key];
    if (to != null) choose(to, true);
    else if (['ArrowLeft', 'ArrowRight'].includes(event.key) && tree[index].children) open(index, event.key === 'ArrowRight');
    else if (event.key === 'Enter' && event.target === rowOf(index)) detail.querySelector('input').focus();
    else return;
    event.preventDefault();
  }

  draw();
  choose(chosen);
  const view = h('div', { class: `trace ${compact ? 'compact' : ''}` }, h('div.waterfall', axis, body), detail);
  view.chosen = () => chosen;
  if (runs) {
    const grow = setInterval(() => (view.isConnected ? draw() : clearInterval(grow)), 500);
  }
  return view;
}

function describe(trace, span, compact) {
  const search = field('search', 'Search attributes', () => {
    const words = search.value.toLowerCase().split(/\s+/);
    all.forEach((row) => { row.hidden = !words.every((word) => row.dataset.text.includes(word)); });
  });
  const all = [];
  // Names may break after a dot.
  const breaking = (name) => name.split(/(?<=\.)/).flatMap((part) => [part, h('wbr')]);
  const table = (attributes, dropped) => {
    const rows = attributes.map(({ key, type, value: v }) => h('tr', { 'data-text': `${key}=${value(v)}`.toLowerCase() },
      h('th', { scope: 'row' }, breaking(key)), h('td', button(value(v), () => copy(value(v), key), { class: 'value', title: type }))));
    all.push(...rows);
    return [h('table.attributes', h('tbody', rows)), dropped > 0 && h('p.fair', `${dropped} too many, left out`)];
  };
  const part = (name, list, draw, isOpen = true) => list.length > 0 && h('details', { open: isOpen }, h('summary', list === facts ? name : `${name} (${list.length})`), draw(list));
  const facts = Object.entries({
    took: span.duration_ns == null ? 'running' : `${duration(span.duration_ns)}, ${duration(span.self_ns)} of its own`,
    started: `${time(trace.trace_start_us + span.offset_ns / 1e3)}, ${duration(span.offset_ns)} after the trace`,
    status: [span.status, span.status_message].filter(Boolean).join(': '),
    parent: span.parent_span_id ? span.parent_span_id + (span.remote_parent ? ', outside of this service' : span.orphan ? ', not kept' : '') : 'none: the trace begins here',
    'span id': span.span_id,
    tracestate: span.tracestate,
    scope: `${span.scope.name} ${span.scope.version ?? ''}`,
    schema: span.scope.schema_url,
  }).filter(([, text]) => text);
  return [
    h('h3', span.name, ' ', h('small', span.kind)),
    span.findings.length > 0 && h('ul.findings', { 'aria-label': 'Findings' }, span.findings.map(({ level, message }) => h('li', { class: level }, h('b', level), ' ', message))),
    search,
    part('Attributes', span.attributes, (list) => table(list, span.dropped_attributes)),
    part('Events', span.events, (list) => list.map((event) => h('section.happened',
      h('b', event.name), h('small', ` after ${duration(event.offset_ns - span.offset_ns)}`), table(event.attributes)))),
    part('Links', span.links, (list) => list.map((link) => h('section', h('a', { href: `/traces/${link.trace_id}` }, link.trace_id), ` span ${link.span_id}`, table(link.attributes)))),
    part('Span', facts, () => h('dl.facts', facts.map(([name, text]) => h('div', h('dt', name), h('dd', text)))), !compact),
    part('Resource', trace.resource, table, false),
    compact && h('p.choices', h('a.button', { href: `/traces/${trace.trace_id}` }, 'Open the trace'),
      button('Copy trace id', () => copy(trace.trace_id, 'trace id'))),
  ].filter(Boolean);
}
