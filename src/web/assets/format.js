// Numbers and times for people.

const three = (value) => value.toFixed(value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2);

/** Nanoseconds with three significant digits and a unit. */
export function duration(ns) {
  if (ns == null) return 'running';
  if (ns < 999.5) return `${Math.round(ns)} ns`;
  if (ns < 999.5e3) return `${three(ns / 1e3)} µs`;
  if (ns < 999.5e6) return `${three(ns / 1e6)} ms`;
  return `${ns < 999.5e9 ? three(ns / 1e9) : count(Math.round(ns / 1e9))} s`;
}

/** The same on an axis: no zeros behind the point, and zero without a unit. */
export const tick = (ns) => (ns ? duration(ns).replace(/\.0+(?= )|(\.\d*[1-9])0+(?= )/, '$1') : '0');

export const count = (value) => value.toLocaleString('en');

export const bytes = (value) => (value < 1e6 ? `${three(value / 1e3)} kB` : `${three(value / 1e6)} MB`);

const pad = (value, digits = 2) => String(value).padStart(digits, '0');

/** Local time of microseconds since 1970. */
export function time(us) {
  const t = new Date(us / 1000);
  return `${pad(t.getHours())}:${pad(t.getMinutes())}:${pad(t.getSeconds())}.${pad(t.getMilliseconds(), 3)}`;
}

export const rfc3339 = (us) => `${new Date(us / 1000).toISOString().slice(0, -1)}${pad(us % 1000, 3)}Z`;

/** How long ago `text` was, or will be. */
export function ago(text) {
  const minutes = (Date.now() - Date.parse(text)) / 60000;
  const [size, unit] = [[1440, 'd'], [60, 'h'], [1, 'min']].find(([size]) => Math.abs(minutes) >= size) ?? [];
  if (!size) return 'now';
  const words = `${Math.abs(Math.round(minutes / size))} ${unit}`;
  return minutes < 0 ? `in ${words}` : `${words} ago`;
}

export const value = (value) => (Array.isArray(value) ? JSON.stringify(value) : String(value));

/** Round steps that divide `length` into three to six parts. */
export function ticks(length) {
  const power = 10 ** Math.floor(Math.log10(length));
  const step = [0.2, 0.25, 0.5, 1, 2].map((f) => f * power).find((step) => length / step <= 6);
  return Array.from({ length: Math.floor(length / step) + 1 }, (_, i) => i * step);
}

export const grade = (status) => `status ${status >= 500 ? 'bad' : status >= 400 ? 'fair' : ''}`;

export const plural = (n, what) => `${count(n)} ${what}${n === 1 ? '' : 's'}`;
