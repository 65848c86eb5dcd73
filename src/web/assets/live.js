// The traces that the service keeps, as they come: one list, one connection.

import { ask, calm } from './dom.js';

const kept = new Map();
const listeners = new Set();
let running = [];

export const live = { connected: false, paused: false, leftOut: 0 };

/** Calls `listener` at each change; returns what ends that. */
export function onChange(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

const changed = () => listeners.forEach((listener) => listener());

export function pause(on) {
  live.paused = on;
  changed();
}

/** All, the newest first. */
export function traces() {
  const all = new Map(kept);
  running.forEach((trace) => all.set(trace.trace_id, trace));
  return [...all.values()].sort((a, b) => b.start_us - a.start_us);
}

/** Changes when the trace does. */
export const version = (id) => `${kept.get(id)?.spans} ${running.find((trace) => trace.trace_id === id)?.spans}`;

function take(traces) {
  traces.filter((trace) => !trace.running).forEach((trace) => kept.set(trace.trace_id, trace));
}

async function load() {
  const list = await ask('/api/traces').catch(() => null);
  if (!list) return;
  kept.clear();
  take(list.traces);
  running = list.traces.filter((trace) => trace.running);
  live.leftOut = list.left_out;
  changed();
}

// An event tells of a hundred traces at most; the others are asked for when it is calm.
const loadSoon = calm(1000, load);

let events;

export function connect() {
  events = new EventSource('/api/events');
  const on = (name, act) => events.addEventListener(name, act);
  events.onerror = () => {
    live.connected = false;
    changed();
  };
  on('hello', () => {
    live.connected = true;
    load();
  });
  on('missed', loadSoon);
  on('cleared', load);
  on('traces', ({ data }) => {
    const update = JSON.parse(data);
    update.gone.forEach((id) => kept.delete(id));
    take(update.changed);
    ({ running, left_out: live.leftOut } = update);
    if (update.more) loadSoon();
    changed();
  });
}

// A browser has six connections to a host: a tab that nobody sees needs none of them.
document.onvisibilitychange = () => {
  events.close();
  if (!document.hidden) connect();
};
