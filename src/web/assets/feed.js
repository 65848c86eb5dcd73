// The feed, and beside it what each call did.

import { ask, button, copy, field, h, options, quiet } from './dom.js';
import { ago, duration, grade, time } from './format.js';
import { onChange, version } from './live.js';
import { traceView } from './waterfall.js';

export const title = 'Feed';

const TTLS = '30-days 7-days 3-days 1-day 12-hours 3-hours 1-hour'.split(' ');
const CALLS = 3;
let backend;

export function show(main) {
  const calls = [];
  let chosen;
  const list = h('div.cruds');
  const log = h('ol.calls', { 'aria-label': 'Calls' });
  const did = h('div.did');

  /** Calls the API, across origins, and shows what that did. */
  async function call(method, path, body) {
    const made = { method, path, at: Date.now() * 1000 };
    calls.unshift(made);
    calls.splice(CALLS);
    choose(made);
    list.querySelector('.problem')?.remove();
    const began = performance.now();
    try {
      backend ??= (await ask('/api/page')).backend_url;
      const response = await fetch(backend + path, {
        method,
        headers: body && { 'content-type': 'application/json' },
        body: body && JSON.stringify(body),
      });
      made.ns = (performance.now() - began) * 1e6;
      made.status = response.status;
      const [, id, , flags] = response.headers.get('traceresponse')?.split('-') ?? [];
      made.id = id;
      made.isSampled = flags & 1;
      const answer = await response.json().catch(() => null);
      if (response.ok) return answer;
      // 422 is a list of codes, other errors are objects.
      made.problem = answer?.error?.message ?? answer?.join?.(', ') ?? `the API answers ${response.status}`;
    } catch {
      made.problem = `${backend} does not answer, or does not allow this page (BACKEND_URL, WEB_URL)`;
    } finally {
      if (made.problem) {
        list.prepend(h('p.problem', { role: 'alert' }, made.problem, '. ', made.id && h('a', { href: `/traces/${made.id}` }, 'See its trace')));
      }
      drawLog();
      if (chosen === made) load(made);
    }
    return null;
  }

  function choose(made) {
    chosen = made;
    drawLog();
    load(made);
  }

  function drawLog() {
    log.replaceChildren(...calls.map((made) => h('li', button([
      h('time', time(made.at)),
      h('b', `${made.method} ${made.path}`),
      h('span', { class: grade(made.status) }, made.status ?? (made.problem ? 'failed' : '…')),
      h('span.number', made.ns && duration(made.ns)),
    ], () => choose(made), { class: 'call', 'aria-pressed': String(made === chosen) }))), calls.length < CALLS ? h('li.quiet', 'Each click is listed here.') : '');
  }

  /** Shows the trace of a call, as soon as it is there: an answer may be read before its span has ended. */
  async function load(made, tries = 20) {
    const say = (text) => did.replaceChildren(h('p.quiet', text));
    if (!made.id) return say(made.problem ? 'No answer, no trace.' : 'Waiting for the answer …');
    if (!made.isSampled) return say('Not sampled (OTEL_TRACES_SAMPLER), not recorded.');
    const trace = await ask(`/api/traces/${made.id}`).catch(() => null);
    if (chosen !== made) return;
    if (!trace?.duration_ns && tries) setTimeout(load, 60, made, tries - 1);
    if (!trace) return tries || say('It is not kept.');
    made.version = version(made.id);
    made.view = traceView(trace, { compact: true, chosen: made.view?.chosen() });
    did.replaceChildren(
      h('h3', h('a', { href: `/traces/${made.id}` }, trace.name), quiet(` ${duration(trace.duration_ns)} in the service`)),
      made.view);
  }

  const send = (path, body) => call('POST', path, body);

  async function feed(path) {
    const answer = await call('GET', path);
    if (answer) list.replaceChildren(...[answer].flat().map(crud));
  }

  const user = (handle) => feed(`/api/activities/@${encodeURIComponent(handle)}`);

  async function groups() {
    const answer = await call('GET', '/api/message_groups');
    if (!answer) return;
    list.replaceChildren(...answer.map((group) => h('article.crud',
      button(group.display_name, () => conversation(group.handle), { class: 'link' }), quiet(` @${group.handle}`))));
  }

  async function conversation(handle) {
    const answer = await call('GET', `/api/messages/@${encodeURIComponent(handle)}`);
    if (!answer) return;
    const messages = h('div', answer.map(crud));
    list.replaceChildren(h('h3', `With @${handle}`), messages,
      writer('Message', 'Send', 1024, messages, (message) => send('/api/messages', { message, user_receiver_handle: handle })));
  }

  function crud(activity) {
    const { uuid, handle, created_at: made, expires_at: until } = activity;
    const replies = h('div.replies', (activity.replies ?? []).map(crud));
    const form = writer('Reply', 'Reply', 1024, replies, (message) => send(`/api/activities/${uuid}/reply`, { message }));
    form.hidden = true;
    const reply = () => {
      form.hidden = !form.hidden;
      form.querySelector('textarea').focus();
    };
    return h('article.crud',
      h('header', button(activity.display_name ?? handle, () => user(handle), { class: 'link', title: 'Their feed' }),
        h('time.quiet', { title: made }, ago(made))),
      h('p', activity.message),
      // A message, and a reply, has neither an end nor replies.
      until && !activity.reply_to_activity_uuid && h('footer', button('Reply', reply, { class: 'link quiet' }),
        button('Open', () => feed(`/api/activities/${uuid}`), { class: 'link quiet' }),
        quiet(`vanishes ${ago(until)}`, { title: until })),
      form, replies);
  }

  /** What the service thinks of the text is the service's to say. */
  function writer(label, action, max, into, send, extra) {
    const left = h('span.number.quiet', { 'aria-hidden': 'true' }, max);
    const text = h('textarea', { rows: 2, 'aria-label': label, placeholder: label, oninput: () => {
      left.textContent = max - [...text.value].length;
    } });
    const onsubmit = async (event) => {
      event.preventDefault();
      const made = await send(text.value);
      if (!made) return;
      text.value = '';
      left.textContent = max;
      into[into === list ? 'prepend' : 'append'](crud(made));
    };
    return h('form.writer', { onsubmit }, text, h('div', left, extra, h('button.main', action)));
  }

  function asking(label, type, action) {
    const input = field(type, label);
    const onsubmit = (event) => {
      event.preventDefault();
      action(input.value);
    };
    return h('form.asking', { onsubmit }, input, h('button', 'Go'));
  }

  const home = () => feed('/api/activities/home');
  const ttl = h('select', { 'aria-label': 'Vanishes after' }, options(TTLS.map((ttl) => [ttl, ttl.replace('-', ' '), ttl === '7-days'])));
  main.append(h('div.split',
    h('section', h('h1', 'Feed'),
      writer("What's up?", 'Crud', 280, list, (message) => send('/api/activities', { message, ttl: ttl.value }), ttl),
      h('div.choices', button('Home', home), button('Notifications', () => feed('/api/activities/notifications')), button('Messages', groups),
        asking('@user', 'text', (handle) => user(handle.replace(/^@/, ''))),
        asking('Search', 'search', (term) => feed(`/api/activities/search?term=${encodeURIComponent(term)}`))),
      list),
    h('section.what', h('h2', 'What it did'),
      h('p.lesson', 'One call is one ', h('b', 'trace'), '. Each bar is a ', h('b', 'span'),
        ': a piece of work, from its start to its end. What is indented is part of what is above it; full colour is a span’s own time, pale that of its parts. Choose a bar to read what it says.'),
      log, did)));
  home();
  const off = onChange(() => {
    if (chosen.version && chosen.version !== version(chosen.id)) load(chosen, 0);
  });
  return { leave: off, copy: () => copy(chosen.id, 'trace id') };
}
