// What becomes of the spans: sent, failed, dropped, still queued, for each exporter.

import { ask, h, number, quiet, redraw, table } from './dom.js';
import { ago, bytes, count } from './format.js';

export const title = 'Exporters';

const HEAD = ['Exporter', '#Created', '#Sent', '#Failed', '#Dropped', '#Not sampled', '#Queued', 'Last error'];

/** What to do about an error, where its own words do not say it. */
const ADVICE = [
  [/refused/, 'Nobody listens there. Is the receiver running?'],
  [/dns/, 'The host is not known here.'],
];

export function show(main) {
  const body = h('div');
  main.append(h('header.head', h('h1', 'Exporters'), h('p.quiet', 'What became of spans and logs.')), body);

  async function load() {
    const [{ exporters }, list, page] = await Promise.all(['/api/exporters', '/api/traces?limit=0', '/api/page'].map((path) => ask(path)));
    redraw(body,
      exporters.length ? table(HEAD, exporters.map(row)) : h('p.empty', 'Spans go nowhere but to this page. To send them to Honeycomb: ', h('code', 'HONEYCOMB_API_KEY=your-key cargo run')),
      h('p.quiet', `This page keeps ${count(list.kept)} of ${count(page.traces_kept)} traces, ${bytes(list.bytes)} of ${bytes(page.bytes_kept)} (TRACES_KEPT, TRACES_KEPT_BYTES); ${count(list.left_out)} spans came too fast.`));
  }

  function row(exporter) {
    const { queued, queue_capacity: capacity } = exporter;
    // There is room for so many: the others are being sent.
    const waiting = Math.min(queued, capacity);
    const fill = waiting / capacity;
    const error = exporter.last_error;
    const advice = error && ADVICE.find(([pattern]) => pattern.test(error.message))?.[1];
    return h('tr', h('th', { scope: 'row' }, exporter.destination), number(count(exporter.created)), number(count(exporter.exported)),
      number(count(exporter.failed), exporter.failed), number(count(exporter.dropped), exporter.dropped), number(count(exporter.unsampled)),
      h('td.number.meter', `${count(waiting)} of ${count(capacity)}`, queued > waiting && h('p.quiet', `+ ${count(queued - waiting)} being sent`), fill > 0.01 && h('i', { style: { width: `${fill * 100}%` } })),
      h('td.said', error ? [error.message, ' ', h('time.quiet', { title: error.time }, ago(error.time)), advice && h('p.fair', `${advice} Check OTEL_EXPORTER_OTLP_ENDPOINT.`)] : quiet('none')));
  }

  load();
  const timer = setInterval(() => document.hidden || load().catch(() => null), 2000);
  return { leave: () => clearInterval(timer) };
}
