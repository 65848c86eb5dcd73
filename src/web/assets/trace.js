// One trace, at its own address.

import { ask, button, copy, h } from './dom.js';
import { duration, grade, plural, rfc3339, time } from './format.js';
import { onChange, version } from './live.js';
import { traceView } from './waterfall.js';

export const title = 'Trace';

export function show(main, { id }) {
  let seen;
  let view;
  const copyId = () => copy(id, 'trace id');

  async function load() {
    seen = version(id);
    try {
      const trace = await ask(`/api/traces/${id}`);
      const hadFocus = main.contains(document.activeElement) && document.activeElement.dataset.index;
      view = traceView(trace, { chosen: view?.chosen() });
      main.replaceChildren(head(trace), view);
      if (hadFocus) view.querySelector('[tabindex="0"]').focus();
    } catch (error) {
      if (!view) main.replaceChildren(h('h1', 'Trace'), h('p.empty', h('code', id), h('br'), `${error.message}.`));
    }
  }

  function head(trace) {
    const server = trace.tree.find((span) => span.kind === 'SERVER') ?? trace.tree[0];
    const command = curl(server);
    return h('header.head', h('h1', trace.name),
      h('p.choices',
        button('Copy trace id', copyId), button('Copy traceparent', () => copy(server.traceparent, 'traceparent')),
        command && button('Copy as curl', () => copy(command, 'request as curl'), { title: command }),
        h('a.button', { href: `/api/otlp/${id}`, download: true }, 'Download OTLP/JSON'),
        trace.links.map(({ name, url }) => h('a.button', { href: url, target: '_blank', rel: 'noreferrer' }, `${name} ↗`))),
      h('p.facts-line',
        trace.status && h('span', { class: grade(trace.status) }, trace.status),
        h('span', duration(trace.duration_ns)), h('span', plural(trace.spans, 'span')),
        trace.errors > 0 && h('span.bad', `✕ ${trace.error_type ?? `${trace.errors} failed`}`),
        h('time', { title: rfc3339(trace.start_us) }, time(trace.start_us)), h('code', id),
        trace.remote_parent && h('span.badge', 'continues a trace from outside'),
        trace.spans_left_out > 0 && h('span.fair', `${trace.spans_left_out} spans too many, left out`),
        trace.partial && h('span.fair', 'not whole: came too fast')));
  }

  main.append(h('h1', 'Trace'));
  load();
  const off = onChange(() => version(id) !== seen && load());
  return { leave: off, copy: copyId };
}

/** The request of a SERVER span as a command for a shell. */
function curl(span) {
  const get = (key) => span.attributes.find((attribute) => attribute.key === key)?.value;
  const path = get('url.path');
  if (!path) return null;
  const quote = (text) => `'${text.replaceAll("'", `'\\''`)}'`;
  const host = get('server.address') ?? 'localhost';
  const [port, query] = [get('server.port'), get('url.query')];
  const url = `${get('url.scheme')}://${host.includes(':') ? `[${host}]` : host}${port ? `:${port}` : ''}${path}${query ? `?${query}` : ''}`;
  const method = get('http.request.method_original') ?? get('http.request.method');
  const how = { GET: '', HEAD: ' -I' }[method] ?? ` -X ${quote(method)}`;
  // A body is never recorded: one's own goes here.
  const body = ['POST', 'PUT', 'PATCH'].includes(method) ? " -H 'content-type: application/json' -d '{}'" : '';
  // No patterns of curl's.
  return `curl -i${/[[{]/.test(path + query) ? 'g' : ''}${how} ${quote(url)}${body}`;
}
