// Elements from text. Text stays text: nothing here reads markup.

/**
 * An element: `h('p.quiet', { title: 'why' }, 'text')`. Functions under `on…` listen; what is null or false
 * is left out; children may be lists.
 */
export const h = (name, ...rest) => make(document.createElement.bind(document), name, rest);

export const s = (name, ...rest) => make(document.createElementNS.bind(document, 'http://www.w3.org/2000/svg'), name, rest);

function make(create, name, children) {
  const [tag, ...classes] = name.split('.');
  const element = create(tag);
  const props = children[0]?.constructor === Object ? children.shift() : {};
  if (classes.length) props.class = [...classes, props.class].join(' ');
  for (const [name, value] of Object.entries(props)) {
    if (value == null || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (name === 'style') Object.entries(value).forEach(([key, v]) => element.style.setProperty(key, v));
    else element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child != null && child !== false));
  return element;
}

export const quiet = (text, props) => h('span.quiet', props, text);

export const button = (label, onclick, props) => h('button', { type: 'button', onclick, ...props }, label);

export const field = (type, label, oninput, props) => h('input', { type, 'aria-label': label, placeholder: label, oninput, ...props });

export const options = (pairs) => pairs.map(([value, text, selected]) => h('option', { value, selected }, text));

/** A table of figures: `head` are names, those that begin with `#` of columns of numbers. */
export const table = (head, rows) => h('div.wide', h('table.figures',
  h('thead', h('tr', head.map((name) => h('th', { scope: 'col', class: name[0] === '#' && 'number' }, name.replace('#', ''))))),
  h('tbody', rows)));

/** A cell; what is bad has a sign, not a colour alone. */
export const number = (text, isBad) => h('td', { class: `number ${isBad ? 'bad' : ''}` }, isBad ? `✕ ${text}` : text);

/** Puts in what is new, scrolled as the old was. */
export function redraw(body, ...parts) {
  const at = [...body.querySelectorAll('.wide')].map((wide) => wide.scrollLeft);
  body.replaceChildren(...parts);
  body.querySelectorAll('.wide').forEach((wide, i) => { wide.scrollLeft = at[i] ?? 0; });
}

/** An empty place says what would fill it. */
export const teach = (nothing, then) => [
  h('p', nothing, ' Click ', h('b', 'Home'), ' in the ', h('a', { href: '/' }, 'Feed'), ', or:'),
  h('pre', 'curl localhost:4567/api/activities/home'), h('p.quiet', then),
];

export async function ask(path, options) {
  const response = await fetch(path, options);
  const answer = response.status === 204 ? null : await response.json();
  if (!response.ok) throw new Error(answer.error.message);
  return answer;
}

export function tell(text) {
  const told = document.getElementById('told');
  told.textContent = text;
  clearTimeout(tell.timer);
  tell.timer = setTimeout(() => told.replaceChildren(), 2500);
}

export async function copy(text, what) {
  try {
    await navigator.clipboard.writeText(text);
    tell(`${what} copied`);
  } catch {
    // Browsers give the clipboard to secure contexts only.
    prompt(`Copy the ${what}:`, text);
  }
}

/** Of all calls within `ms`, one is made, at their end. */
export function calm(ms, call) {
  let timer;
  return () => {
    timer ??= setTimeout(() => {
      timer = null;
      call();
    }, ms);
  };
}
