// A real service, a real browser, and what every test asks of both.

import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { createInterface } from 'node:readline';
import assert from 'node:assert/strict';
import { chromium } from 'playwright-core';

const BINARIES = process.env.BINARIES ?? `${process.env.CARGO_TARGET_DIR ?? 'target'}/debug`;
/** How long a test waits for something that is to come. */
const PATIENCE = 20_000;

/** Starts a program on free ports; resolves when it says where it listens. `WEB_ADDRESS: ''` leaves out the page. */
export async function start(program, env = {}) {
  const child = spawn(`${BINARIES}/${program}`, {
    env: { PORT: '0', WORKERS: '2', WEB_ADDRESS: '127.0.0.1:0', OTEL_TRACES_EXPORTER: 'none', ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const service = { stop: () => new Promise((resolve) => { child.once('exit', resolve); child.kill('SIGTERM'); }) };
  const said = [];
  for await (const line of createInterface(child.stderr)) {
    said.push(line);
    service.api ??= line.match(/listening on (http:\S+)/)?.[1];
    const port = line.match(/the page is at http:\/\/localhost:(\d+)/)?.[1];
    if (port || (service.api && env.WEB_ADDRESS === '')) {
      child.stderr.resume();
      return Object.assign(service, { page: `http://localhost:${port}`, port });
    }
  }
  throw new Error(`${program} does not start:\n${said.join('\n')}`);
}

/** Asks the page's JSON API. */
export async function json(service, path) {
  const response = await fetch(service.page + path);
  assert.equal(response.status, 200, path);
  return response.json();
}

/** A call of the API from outside of the browser; gives its trace id. */
export async function call(service, path, options) {
  const response = await fetch(service.api + path, options);
  await response.arrayBuffer();
  return response.headers.get('traceresponse').split('-')[1];
}

let browser;

export async function launch(...more) {
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
      '--disable-background-networking', '--disable-component-update', '--disable-sync', ...more],
  });
  return browser;
}

export const close = () => browser.close();

/**
 * Opens a place of the page in a browser of its own, and runs `test` there. Fails for anything on the
 * console, any error of a script and any violation of the content security policy; `expected` names what a
 * test provokes itself.
 */
export async function visit(service, path, test, { size, scheme = 'light', expected, host = 'localhost', ...options } = {}) {
  const origin = `http://${host}:${service.port}`;
  const context = await browser.newContext({ viewport: size ?? { width: 1280, height: 800 }, colorScheme: scheme, ...options });
  await context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin });
  context.setDefaultTimeout(PATIENCE);
  const wrong = [];
  const page = await context.newPage();
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) wrong.push(`console: ${message.text()}`);
  });
  page.on('pageerror', (error) => wrong.push(`error: ${error.stack}`));
  page.on('dialog', (dialog) => {
    if (dialog.type() === 'alert') wrong.push(`alert: ${dialog.message()}`);
    dialog.accept();
  });
  await page.addInitScript(() => {
    window.violations = [];
    document.addEventListener('securitypolicyviolation', (event) => window.violations.push(`${event.violatedDirective} ${event.blockedURI}`));
  });
  try {
    await page.goto(origin + path);
    await page.locator('#live', { hasText: 'live' }).waitFor();
    await test(page, origin);
    wrong.push(...(await page.evaluate(() => window.violations)));
    assert.deepEqual(wrong.filter((text) => !expected?.test(text)), []);
  } finally {
    await context.close();
  }
}

/** Waits until `probe` gives what `is` takes; the failure shows what it gave last. */
export async function until(probe, is) {
  const end = Date.now() + PATIENCE;
  for (;;) {
    const value = await probe();
    if (is(value)) return value;
    if (Date.now() > end) assert.fail(`still ${JSON.stringify(value)}, expected ${is}`);
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
}

/** Waits until an element has this text. */
export const text = (locator, expected) =>
  until(() => locator.first().innerText().catch((error) => error.message.split('\n')[0]), (found) => (expected instanceof RegExp ? expected.test(found) : found.trim() === expected) || false);

/** Keeps a picture, where SCREENSHOTS names a folder. */
export async function picture(page, name, options) {
  const folder = process.env.SCREENSHOTS;
  if (!folder) return;
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: `${folder}/${name}.png`, ...options });
}
