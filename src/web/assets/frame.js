// The frame: places and their addresses, the keys, the theme.

import { tell } from './dom.js';
import { connect, live, onChange, pause } from './live.js';
import * as feed from './feed.js';
import * as traces from './traces.js';
import * as trace from './trace.js';
import * as routes from './routes.js';
import * as exporters from './exporters.js';

const PLACES = [
  [/^\/$/, feed],
  [/^\/traces$/, traces],
  [/^\/traces\/(.+)$/, trace],
  [/^\/routes$/, routes],
  [/^\/exporters$/, exporters],
];

const byId = (id) => document.getElementById(id);
const main = byId('main');
let place = {};

function show(isFirst) {
  place.leave?.();
  const [pattern, view] = PLACES.find(([pattern]) => pattern.test(location.pathname));
  main.replaceChildren();
  place = view.show(main, { id: pattern.exec(location.pathname)[1], query: new URLSearchParams(location.search), go });
  document.title = `${view.title} · backend-actix`;
  for (const link of document.querySelectorAll('nav a')) {
    link.ariaCurrent = link.pathname === `/${location.pathname.split('/')[1]}` ? 'page' : null;
  }
  if (!isFirst) {
    scrollTo(0, 0);
    main.focus({ preventScroll: true });
  }
}

/** Goes to an address of the page. */
function go(path) {
  history.pushState(null, '', path);
  show();
}

const withKey = (event) => event.ctrlKey || event.metaKey || event.altKey;

addEventListener('popstate', () => show());

addEventListener('click', (event) => {
  const link = event.target.closest('a[href]');
  if (!link || event.button || event.shiftKey || withKey(event) || link.target || link.hasAttribute('download') || link.hash) return;
  event.preventDefault();
  if (link.href !== location.href) go(link.pathname + link.search);
});

// Keys: none of them while one writes.
addEventListener('keydown', (event) => {
  const isWriting = event.target.matches('input, textarea, select');
  if (isWriting && event.key === 'Escape') event.target.blur();
  if (isWriting || withKey(event) || byId('help').open) return;
  const act = {
    1: () => go('/'), 2: () => go('/traces'), 3: () => go('/routes'), 4: () => go('/exporters'),
    '/': () => main.querySelector('[type=search]')?.focus(),
    '?': () => byId('help').showModal(),
    p: () => pause(!live.paused),
    c: () => (place.copy ? place.copy() : tell('There is no trace here')),
  }[event.key];
  if (!act) return;
  event.preventDefault();
  act();
});

byId('help-open').onclick = () => byId('help').showModal();
byId('pause').onclick = () => pause(!live.paused);
onChange(() => {
  const state = live.paused ? 'paused' : live.connected ? 'live' : 'not connected';
  // A status that is set anew is read aloud anew.
  if (byId('live').textContent === state) return;
  byId('live').textContent = byId('live').dataset.state = state;
  byId('pause').textContent = live.paused ? 'Go on' : 'Pause';
  byId('pause').ariaPressed = live.paused;
});

const { style } = document.documentElement;
style.colorScheme = localStorage.theme ?? '';
byId('theme').onclick = () => {
  const isDark = style.colorScheme ? style.colorScheme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
  localStorage.theme = style.colorScheme = isDark ? 'light' : 'dark';
};

connect();
show(true);
