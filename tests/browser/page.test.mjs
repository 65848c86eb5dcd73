// The page in a real browser, on the service as it is.

import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { call, close, json, launch, picture, start, text, until, visit } from './support.mjs';

const XSS = '<img src=x onerror="window.pwned=1"><script>window.pwned=2</script>';
/** What the browser says of a call that is answered with an error, which a test made on purpose. */
const REFUSED = /Failed to load resource: the server responded with a status of 4/;
const NARROW = { width: 390, height: 844 };

let service;

before(async () => {
  await launch();
  service = await start('backend-actix', { TRACE_LINKS: 'Jaeger=http://localhost:16686/trace/{trace_id}' });
});

after(async () => {
  await service.stop();
  await close();
});

const notPwned = async (page) => assert.equal(await page.evaluate(() => window.pwned), undefined);
const clipboard = (page) => page.evaluate(() => navigator.clipboard.readText());
const clear = () => fetch(`${service.page}/api/traces`, { method: 'DELETE' });

test('the feed is there at once, and beside it the trace of the call that brought it', async () => {
  await visit(service, '/', async (page) => {
    await text(page.locator('.cruds .crud p'), 'Cloud is very fun!');
    await text(page.locator('.call b'), 'GET /api/activities/home');
    await text(page.locator('.call .status'), '200');
    await text(page.locator('.call .number'), /^[\d.,]+ (µs|ms|s)$/);
    await text(page.locator('.row .text'), 'GET /api/activities/home');
    assert.equal(await page.locator('.row').count(), 2);
    await text(page.locator('.attributes'), /http\.route\s+\/api\/activities\/home/);
    await page.locator('.row').nth(1).click();
    await text(page.locator('.attributes'), /app\.result_length\s+3/);
    await picture(page, 'feed-light');
  });
});

test('each call of the feed is shown with its own trace', async () => {
  await visit(service, '/', async (page) => {
    const answers = [];
    page.on('response', (response) => {
      if (response.url().startsWith('http://localhost') && response.headers().traceresponse) answers.push(response);
    });
    const section = page.locator('section').first();
    const steps = [
      [() => section.getByRole('button', { name: 'Notifications' }).click(), 'GET /api/activities/notifications'],
      [() => section.getByRole('button', { name: 'Home' }).click(), 'GET /api/activities/home'],
      [() => section.getByRole('button', { name: 'Worf' }).first().click(), 'GET /api/activities/@Worf', 'GET /api/activities/@{handle}'],
      [() => section.getByRole('button', { name: 'Home' }).click(), 'GET /api/activities/home'],
      [() => section.getByRole('button', { name: 'Open' }).first().click(), /GET \/api\/activities\/[0-9a-f-]{36}/, 'GET /api/activities/{activity_uuid}'],
      [async () => { await section.getByLabel('Search', { exact: true }).fill('cloud'); await page.keyboard.press('Enter'); }, 'GET /api/activities/search?term=cloud', 'GET /api/activities/search'],
      [async () => { await section.getByLabel('@user').fill('@andrewbrown'); await page.keyboard.press('Enter'); }, 'GET /api/activities/@andrewbrown', 'GET /api/activities/@{handle}'],
      [() => section.getByRole('button', { name: 'Messages' }).click(), 'GET /api/message_groups'],
      [() => section.getByRole('button', { name: 'Worf' }).click(), 'GET /api/messages/@worf', 'GET /api/messages/@{handle}'],
    ];
    for (const [act, line, name] of steps) {
      const before = answers.length;
      await act();
      await text(page.locator('.call b'), line);
      await text(page.locator('.did h3 a'), name ?? line);
      await until(() => answers.length, (n) => n > before);
      const id = answers.at(-1).headers().traceresponse.split('-')[1];
      await until(() => page.locator('.did h3 a').getAttribute('href'), (href) => href === `/traces/${id}`);
    }
    await page.getByLabel('Message', { exact: true }).fill('Qapla!');
    await page.getByRole('button', { name: 'Send' }).click();
    await text(page.locator('.call b'), 'POST /api/messages');
    await text(page.locator('.crud p').last(), 'Qapla!');
    // One click back to an earlier call.
    await page.locator('.call').nth(1).click();
    await text(page.locator('.did h3 a'), 'GET /api/messages/@{handle}');
  });
});

test('what one writes is shown as text, whatever it is', async () => {
  await visit(service, '/', async (page) => {
    await page.getByLabel("What's up?").fill(XSS);
    await page.getByRole('button', { name: 'Crud' }).click();
    await text(page.locator('.crud p'), XSS);
    await text(page.locator('.call b'), 'POST /api/activities');
    await page.getByRole('button', { name: 'Reply' }).first().click();
    await page.getByLabel('Reply').first().fill(`reply ${XSS}`);
    await page.locator('.crud form').first().getByRole('button', { name: 'Reply' }).click();
    await text(page.locator('.replies .crud p'), `reply ${XSS}`);
    await page.getByLabel('Search', { exact: true }).fill(XSS);
    await page.keyboard.press('Enter');
    await text(page.locator('.call b'), /^GET \/api\/activities\/search/);
    await page.getByLabel('@user').fill(XSS);
    await page.keyboard.press('Enter');
    await text(page.locator('.row .text'), 'GET /api/activities/@{handle}');
    await page.locator('.row').nth(1).click();
    await until(() => page.locator('.attributes').first().innerText(), (shown) => shown.includes(XSS));
    await notPwned(page);
  });
});

test('what a stranger sends is shown as text in every view', async () => {
  await clear();
  const path = `/api/activities/@${encodeURIComponent(XSS)}?q=${encodeURIComponent(XSS)}<script>`;
  const id = await call(service, path.replace('<script>', ''), { headers: { 'user-agent': XSS } });
  await call(service, `/${encodeURIComponent(XSS)}`);
  await visit(service, '/traces', async (page) => {
    await until(() => page.locator('.spacer .tr').count(), (n) => n === 2);
    await page.getByLabel('text, or key=value').fill('onerror');
    await until(() => page.locator('.spacer .tr').count(), (n) => n >= 1);
    await notPwned(page);
  });
  await visit(service, `/traces/${id}`, async (page) => {
    await until(() => page.locator('.attributes').first().innerText(), (shown) => shown.includes(XSS));
    await notPwned(page);
  });
  await visit(service, `/traces?route=${encodeURIComponent(XSS)}&text=${encodeURIComponent(XSS)}`, notPwned);
  await visit(service, `/routes?route=${encodeURIComponent(XSS)}`, async (page) => {
    await text(page.locator('figcaption b'), `0 requests of ${XSS}, by time and duration`);
    await notPwned(page);
  });
});

test('a call that is refused says why, and leads to its trace', async () => {
  await visit(service, '/', async (page) => {
    await page.getByRole('button', { name: 'Crud' }).click();
    await text(page.getByRole('alert'), /^message_blank\. See its trace$/);
    await text(page.locator('.call .status'), '422');
    await page.getByRole('link', { name: 'See its trace' }).click();
    await text(page.locator('h1'), 'POST /api/activities');
    await text(page.locator('.attributes'), /app\.errors\s+\["message_blank"\]/);
  }, { expected: REFUSED });
});

test('an API that does not answer is said', async () => {
  const other = await start('backend-actix', { BACKEND_URL: 'http://localhost:9' });
  try {
    await visit(other, '/', async (page) => {
      await text(page.getByRole('alert'), /http:\/\/localhost:9 does not answer/);
      await text(page.locator('.call .status'), 'failed');
    }, { expected: /ERR_CONNECTION_REFUSED|ERR_UNSAFE_PORT/ });
  } finally {
    await other.stop();
  }
});

test('traces come in by themselves, the newest first', async () => {
  await clear();
  await visit(service, '/traces', async (page) => {
    await text(page.locator('.empty'), /No traces yet/);
    await picture(page, 'empty-light');
    await call(service, '/api/activities/home');
    await text(page.locator('.spacer .request'), 'GET /api/activities/home');
    await call(service, '/api/activities/@worf');
    await text(page.locator('.spacer .request'), /@\{handle\}\s+\/api\/activities\/@worf$/);
    await text(page.locator('.spacer .status'), '200');
    const { traces } = await json(service, '/api/traces');
    const title = await page.locator('.spacer time').first().getAttribute('title');
    assert.equal(title, new Date(traces[0].start_us / 1000).toISOString().replace('Z', '') + String(traces[0].start_us % 1000).padStart(3, '0') + 'Z');
    await page.locator('.spacer .request a').first().click();
    await text(page.locator('h1'), 'GET /api/activities/@{handle}');
    assert.equal(new URL(page.url()).pathname, `/traces/${traces[0].trace_id}`);
    await page.goBack();
    await text(page.locator('h1'), 'Traces');
  });
});

test('traces are filtered by route, status, duration, errors and text', async () => {
  await clear();
  await call(service, '/api/activities/home');
  await call(service, '/api/activities/search?term=cloud');
  await call(service, '/api/activities/@worf');
  await call(service, '/nope');
  await visit(service, '/traces', async (page) => {
    const shown = (...names) => until(() => page.locator('.spacer .request a').allInnerTexts(), (found) => JSON.stringify(found) === JSON.stringify(names));
    const all = ['GET', 'GET /api/activities/@{handle}', 'GET /api/activities/search', 'GET /api/activities/home'];
    await shown(...all);
    await page.getByLabel('Route').selectOption('/api/activities/home');
    await shown(all[3]);
    await page.getByLabel('Route').selectOption('');
    await page.getByLabel('Status').selectOption('4xx');
    await shown(all[0]);
    await page.getByLabel('Status').selectOption('');
    await page.getByLabel('text, or key=value').fill('app.user_handle=worf');
    await shown(all[1]);
    // What comes in meanwhile is searched too.
    await call(service, '/api/activities/@worf');
    await shown(all[1], all[1]);
    // The filter is in the address.
    await page.reload();
    await shown(all[1], all[1]);
    await page.getByLabel('text, or key=value').fill('');
    await page.getByLabel('min ms').fill('60000');
    await text(page.locator('.empty'), /No trace is like that/);
    await page.getByRole('button', { name: 'Show all' }).click();
    await shown(all[1], ...all);
    await page.getByLabel('errors only').check();
    await text(page.locator('.empty'), /No trace is like that/);
  });
});

test('a search that is refused says why', async () => {
  await visit(service, '/traces', async (page) => {
    await page.getByLabel('text, or key=value').fill('word '.repeat(17));
    await text(page.locator('#told'), '`text` has 17 words: expected at most 16');
  }, { expected: REFUSED });
});

test('a pause keeps what one reads in its place', async () => {
  await clear();
  await call(service, '/api/activities/home');
  await visit(service, '/traces', async (page) => {
    await until(() => page.locator('.spacer .tr').count(), (n) => n === 1);
    await page.keyboard.press('p');
    await text(page.locator('#live'), 'paused');
    await call(service, '/api/activities/@worf');
    await call(service, '/api/activities/@worf');
    const news = page.getByRole('button', { name: '2 new' });
    await news.waitFor();
    assert.equal(await page.locator('.spacer .tr').count(), 1);
    await news.click();
    await until(() => page.locator('.spacer .tr').count(), (n) => n === 3);
    await page.getByRole('button', { name: 'Go on' }).click();
    await text(page.locator('#live'), 'live');
  });
});

test('two thousand traces are listed without a stutter', async () => {
  await clear();
  for (let i = 0; i < 100; i += 1) {
    await Promise.all(Array.from({ length: 20 }, (_, n) => call(service, `/api/activities/search?term=${i * 20 + n}`)));
  }
  await visit(service, '/traces', async (page) => {
    await text(page.locator('.head p'), /2,000 traces/);
    await picture(page, 'traces-many-light');
    const seen = await page.evaluate(async () => {
      const scroller = document.querySelector('.scroller');
      const frame = () => new Promise(requestAnimationFrame);
      const [frames, elements] = [[], []];
      let holes = 0;
      await frame();
      for (let top = 0; top < scroller.scrollHeight; top += 700) {
        const began = performance.now();
        scroller.scrollTop = top;
        await frame();
        await frame();
        frames.push((performance.now() - began) / 2);
        elements.push(scroller.querySelectorAll('.spacer .tr').length);
        // Is there a row wherever one looks?
        const box = scroller.getBoundingClientRect();
        for (let y = box.top + 60; y < box.bottom - 40; y += 100) {
          if (!document.elementFromPoint(box.left + 200, y)?.closest('.tr')) holes += 1;
        }
      }
      frames.sort((a, b) => a - b);
      return { slow: frames[Math.floor(frames.length * 0.95)], most: Math.max(...elements), holes, height: scroller.scrollHeight };
    });
    assert.ok(seen.height > 2000 * 36, `${seen.height} px`);
    assert.ok(seen.most < 80, `${seen.most} rows are elements`);
    assert.equal(seen.holes, 0);
    assert.ok(seen.slow < 50, `${seen.slow} ms for the slowest frames but one in twenty`);
    // The newest come in while one reads elsewhere: nothing moves.
    const top = await page.evaluate(() => document.querySelector('.scroller').scrollTop);
    await call(service, '/api/activities/home');
    await page.getByRole('button', { name: '1 new' }).waitFor();
    assert.equal(await page.evaluate(() => document.querySelector('.scroller').scrollTop), top);
  });
});

test('the list is walked with the keyboard', async () => {
  await clear();
  for (const path of ['home', '@worf', 'notifications']) await call(service, `/api/activities/${path}`);
  await visit(service, '/traces', async (page) => {
    await until(() => page.locator('.spacer .tr').count(), (n) => n === 3);
    await page.locator('.spacer [tabindex="0"]').focus();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowDown');
    assert.equal(await page.evaluate(() => document.activeElement.textContent), 'GET /api/activities/home');
    await page.keyboard.press('Enter');
    await text(page.locator('h1'), 'GET /api/activities/home');
    await page.keyboard.press('c');
    assert.equal(await clipboard(page), page.url().split('/').at(-1));
    await page.keyboard.press('/');
    assert.equal(await page.evaluate(() => document.activeElement.placeholder), 'Search attributes');
    // A key that one writes does nothing else.
    await page.keyboard.type('1?p');
    await text(page.locator('#live'), 'live');
    await page.keyboard.press('Escape');
    await page.keyboard.press('?');
    await page.getByRole('dialog').waitFor();
    await page.keyboard.press('Escape');
    for (const [key, title] of [['3', 'Routes'], ['4', 'Exporters'], ['1', 'Feed'], ['2', 'Traces']]) {
      await page.keyboard.press(key);
      await text(page.locator('h1'), title);
      assert.equal(await page.title(), `${title} · backend-actix`);
      assert.equal(await page.locator('nav [aria-current=page]').innerText(), title);
    }
  });
});

test('a trace says what it is, can be copied, kept and found elsewhere', async () => {
  const caller = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
  const id = await call(service, "/api/activities/@o'brien?a=1&b=%20", { headers: { traceparent: caller } });
  await visit(service, `/traces/${id}`, async (page) => {
    await text(page.locator('h1'), 'GET /api/activities/@{handle}');
    await text(page.locator('.facts-line'), /continues a trace from outside/);
    await text(page.locator('.facts'), /parent\s+00f067aa0ba902b7, outside of this service/);
    const { tree } = await json(service, `/api/traces/${id}`);
    for (const [label, expected] of [
      ['Copy trace id', id],
      ['Copy traceparent', tree[0].traceparent],
      ['Copy as curl', `curl -i '${service.api}/api/activities/@o'\\''brien?a=1&b=%20'`],
    ]) {
      await page.getByRole('button', { name: label, exact: true }).first().click();
      await text(page.locator('#told'), /copied$/);
      assert.equal(await clipboard(page), expected);
    }
    const download = page.waitForEvent('download');
    await page.getByRole('link', { name: 'Download OTLP/JSON' }).click();
    const file = JSON.parse(await (await (await download).createReadStream()).setEncoding('utf8').toArray().then((parts) => parts.join('')));
    const spans = file.resourceSpans[0].scopeSpans.flatMap((scope) => scope.spans);
    assert.deepEqual(spans.map((span) => span.spanId).sort(), tree.map((span) => span.span_id).sort());
    const link = page.getByRole('link', { name: 'Jaeger' });
    assert.equal(await link.getAttribute('href'), `http://localhost:16686/trace/${id}`);
    assert.equal(await link.getAttribute('rel'), 'noreferrer');
    // Attributes are sorted and searched.
    const keys = await page.locator('.attributes').first().locator('th').allInnerTexts();
    assert.deepEqual(keys, [...keys].sort());
    await page.getByLabel('Search attributes').fill('status_code=2');
    await until(() => page.locator('.attributes tr:visible').allInnerTexts(), (rows) => rows.length === 1 && /200/.test(rows[0]));
  });
  // What curl would take for a pattern, it would ask for a hundred times.
  await visit(service, `/traces/${await call(service, '/a[1-100]')}`, async (page) => {
    await page.getByRole('button', { name: 'Copy as curl' }).click();
    await text(page.locator('#told'), /copied$/);
    assert.equal(await clipboard(page), `curl -ig '${service.api}/a[1-100]'`);
  });
  await visit(service, '/traces/00000000000000000000000000000001', async (page) => {
    await text(page.locator('.empty'), /not among the last ones/);
  }, { expected: REFUSED });
});

test('routes have the figures of the API, and lead to their traces', async () => {
  await clear();
  for (let i = 0; i < 7; i += 1) await call(service, '/api/activities/home');
  for (let i = 0; i < 3; i += 1) await call(service, `/api/activities/@user${i}`);
  await visit(service, '/routes', async (page) => {
    const row = page.locator('tr', { has: page.locator('th', { hasText: '/api/activities/home' }) });
    const cells = await until(() => row.locator('td').allInnerTexts(), (cells) => cells[0] === '7');
    const { routes } = await json(service, '/api/routes?minutes=15');
    const home = routes.find((route) => route.route === '/api/activities/home');
    const ns = (shown) => parseFloat(shown) * { ns: 1, µs: 1e3, ms: 1e6, s: 1e9 }[shown.split(' ')[1]];
    ['average_ns', 'p50_ns', 'p95_ns', 'p99_ns'].forEach((key, i) => {
      assert.ok(Math.abs(ns(cells[3 + i]) - home[key]) <= home[key] * 0.01, `${key}: ${cells[3 + i]}, ${home[key]}`);
    });
    assert.equal(cells[2], '0 %');
    await text(page.locator('figcaption b'), '10 requests, by time and duration');
    await picture(page, 'routes-light');
    // A cell, by the mouse: as many traces as it says.
    const cell = page.locator('.cell').first();
    const count = Number((await cell.getAttribute('aria-label')).match(/^\d+/)[0]);
    await cell.click();
    await text(page.locator('h1'), 'Traces');
    await until(() => page.locator('.spacer .tr').count(), (n) => n === count);
    await page.goBack();
    // One route alone; and by the keyboard.
    await page.getByRole('button', { name: '/api/activities/@{handle}' }).click();
    await text(page.locator('figcaption b'), '3 requests of /api/activities/@{handle}, by time and duration');
    await page.locator('.cell[tabindex="0"]').focus();
    await page.keyboard.press('Enter');
    await text(page.locator('h1'), 'Traces');
    await until(() => page.locator('.spacer .request a').allInnerTexts(), (names) => names.length > 0 && names.every((name) => name.endsWith('@{handle}')));
    await page.goBack();
    await row.getByRole('link', { name: 'traces' }).click();
    await until(() => page.locator('.spacer .tr').count(), (n) => n === 7);
  });
});

test('what is too wide for the screen stays where one has scrolled it', async () => {
  await call(service, '/api/activities/home');
  await visit(service, '/routes', async (page) => {
    // The newest of the heatmap is seen first, and of the table its names.
    const [heatmap, table] = ['figure .wide', 'main div > .wide'].map((wide) => page.locator(wide));
    const at = (wide) => wide.evaluate(({ scrollLeft, scrollWidth, clientWidth }) => [scrollLeft, scrollWidth - clientWidth]);
    for (const wide of [heatmap, table]) {
      const [from, most] = await at(wide);
      assert.ok(from === 0 && most > 300, `${from} of ${most}`);
    }
    await heatmap.evaluate((wide) => { wide.scrollLeft = -200; });
    await table.evaluate((wide) => { wide.scrollLeft = 100; });
    await page.locator('figure').evaluate((figure) => { figure.dataset.drawn = 'before'; });
    await page.locator('figure:not([data-drawn])').waitFor();
    assert.equal((await at(heatmap))[0], -200);
    assert.equal((await at(table))[0], 100);
  }, { size: NARROW });
});

test('all is forgotten when one asks for it', async () => {
  await call(service, '/api/activities/home');
  await visit(service, '/traces', async (page) => {
    await page.locator('.spacer .tr').first().waitFor();
    await page.getByRole('button', { name: 'Clear' }).click();
    await text(page.locator('.empty'), /No traces yet/);
    assert.deepEqual((await json(service, '/api/traces')).traces, []);
    await page.keyboard.press('3');
    await text(page.locator('.empty'), /No requests in this time/);
  });
});

test('exporters are shown with what became of their spans', async () => {
  const dead = await start('backend-actix', { OTEL_TRACES_EXPORTER: 'console,otlp', OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9', OTEL_BSP_SCHEDULE_DELAY: '50', OTEL_BSP_MAX_QUEUE_SIZE: '1000' });
  try {
    await call(dead, '/api/activities/home');
    await visit(dead, '/exporters', async (page) => {
      const row = (name) => page.locator('tr', { has: page.locator('th', { hasText: name }) });
      await until(() => row('console').locator('td').allInnerTexts(), (cells) => cells.slice(0, 4).join() === '2,2,0,0');
      await text(row('otlp http://127.0.0.1:9/v1/traces').locator('.said'), /refused[\s\S]*Nobody listens there/);
      await text(row('otlp http://127.0.0.1:9/v1/traces').locator('.meter'), /^\d+ of 1,000$/);
      await text(page.locator('main p.quiet').last(), /keeps 1 of 2,000 traces/);
      await picture(page, 'exporters-light');
    });
    await visit(dead, '/exporters', (page) => text(page.locator('.said').last(), /refused/).then(() => picture(page, 'exporters-dark')), { scheme: 'dark' });
    await visit(dead, '/exporters', (page) => text(page.locator('.said').last(), /refused/).then(() => picture(page, 'exporters-narrow')), { size: NARROW });
  } finally {
    await dead.stop();
  }
});

test('of a queue that is full it is said what waits, and what is being sent', async () => {
  // Takes spans, and never says so.
  const receiver = createServer((socket) => socket.on('error', () => null).resume());
  await new Promise((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  const stuck = await start('backend-actix', {
    OTEL_TRACES_EXPORTER: 'otlp', OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${receiver.address().port}`, OTEL_EXPORTER_OTLP_TIMEOUT: '60000',
    OTEL_BSP_MAX_QUEUE_SIZE: '10', OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '5', OTEL_BSP_SCHEDULE_DELAY: '50', SHUTDOWN_TIMEOUT_SECONDS: '1',
  });
  try {
    for (let i = 0; i < 20; i += 1) await call(stuck, '/api/activities/home');
    await visit(stuck, '/exporters', async (page) => {
      await text(page.locator('.meter'), /^10 of 10\s+\+ [1-5] being sent$/);
      await picture(page, 'exporters-full-light');
      const width = (selector) => page.locator(selector).evaluate((element) => element.getBoundingClientRect().width);
      assert.ok(await width('.meter i') <= await width('.meter'));
    });
  } finally {
    await stuck.stop();
    receiver.close();
  }
});

test('it works from localhost and from 127.0.0.1 alike', async () => {
  for (const host of ['localhost', '127.0.0.1']) {
    await visit(service, '/', async (page, origin) => {
      await text(page.locator('.cruds .crud p'), 'Cloud is very fun!');
      await text(page.locator('.row .text'), 'GET /api/activities/home');
      assert.equal(new URL(page.url()).origin, origin);
    }, { host });
  }
});

test('light and dark follow the system, and a switch that is remembered', async () => {
  const background = (page) => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
  for (const [scheme, first, second] of [['light', 'rgb(255, 255, 255)', 'rgb(20, 23, 28)'], ['dark', 'rgb(20, 23, 28)', 'rgb(255, 255, 255)']]) {
    await visit(service, '/exporters', async (page) => {
      assert.equal(await background(page), first);
      await page.getByRole('button', { name: 'Theme' }).click();
      assert.equal(await background(page), second);
      await page.reload();
      await until(() => background(page), (color) => color === second);
    }, { scheme });
  }
});

test('all text can be read: contrast of at least 4.5 in both themes', async () => {
  for (const scheme of ['light', 'dark']) {
    await visit(service, '/', async (page) => {
      const contrasts = await page.evaluate(() => {
        const probe = document.body.appendChild(document.createElement('i'));
        const rgb = (color) => {
          probe.style.color = color;
          const context = Object.assign(document.createElement('canvas'), { width: 1, height: 1 }).getContext('2d');
          context.fillStyle = getComputedStyle(probe).color;
          context.fillRect(0, 0, 1, 1);
          return [...context.getImageData(0, 0, 1, 1).data];
        };
        const luminance = (color) => {
          const [r, g, b] = rgb(color).map((v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
          return 0.2126 * r + 0.7152 * g + 0.0722 * b;
        };
        const contrast = (a, b) => {
          const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x);
          return (high + 0.05) / (low + 0.05);
        };
        const pairs = ['text', 'quiet', 'accent', 'bad', 'fair'].flatMap((of) => ['bg', 'raised', 'hover'].map((on) => [of, on]));
        return [...pairs, ['bg', 'accent'], ['bg', 'text']].map(([of, on]) => [`${of} on ${on}`, contrast(`var(--${of})`, `var(--${on})`)]);
      });
      for (const [pair, contrast] of contrasts) assert.ok(contrast >= 4.5, `${scheme}: ${pair} is ${contrast.toFixed(2)}`);
    }, { scheme });
  }
});

test('everything one can use has a name, and every view a heading', async () => {
  const id = await call(service, '/api/activities/home');
  for (const path of ['/', '/traces', `/traces/${id}`, '/routes', '/exporters']) {
    await visit(service, path, async (page) => {
      await page.locator('main h1').waitFor();
      await page.locator('main :is(.row, .tr, .figures tr, p)').first().waitFor();
      assert.equal(await page.locator('h1').count(), 1, path);
      assert.equal(await page.locator('main').count(), 1);
      const nameless = await page.evaluate(() => [...document.querySelectorAll('button, a[href], input, select, textarea, [role=link]')]
        .filter((element) => !(element.getAttribute('aria-label') || element.textContent.trim() || element.labels?.[0]?.textContent.trim()))
        .map((element) => element.outerHTML));
      assert.deepEqual(nameless, [], path);
      // What is shown can be reached.
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth > innerWidth), false, path);
    });
    await visit(service, path, async (page) => {
      await page.locator('main :is(.row, .tr, .figures tr, p)').first().waitFor();
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth > innerWidth), false, `${path}, narrow`);
    }, { size: NARROW });
  }
});

test('the labels of axes are whole, and apart', async () => {
  const id = await call(service, '/api/activities/home');
  for (const size of [undefined, NARROW]) {
    for (const [path, labels] of [[`/traces/${id}`, '.axis .track span'], ['/routes', 'figure svg text']]) {
      await visit(service, path, async (page) => {
        await page.locator(labels).first().waitFor();
        const wrong = await page.locator(labels).evaluateAll((all) => {
          const boxes = all.map((label) => [label.textContent, label.getBoundingClientRect(), (label.ownerSVGElement ?? label.closest('.axis')).getBoundingClientRect()])
            .filter(([, box]) => box.width);
          const cut = boxes.filter(([, box, around]) => box.top < around.top || box.bottom > around.bottom);
          const over = boxes.filter(([, a], i) => boxes.slice(i + 1).some(([, b]) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom));
          return [cut, over].map((list) => list.map(([text]) => text));
        });
        assert.deepEqual(wrong, [[], []], path);
      }, { size });
    }
  }
});

test('nothing jumps when data arrive', async () => {
  await clear();
  const id = await call(service, '/api/activities/home');
  // More calls, and what comes with them; in the trace that is shown one more request of the same caller.
  const caller = { headers: { traceparent: `00-${id}-00f067aa0ba902b7-01` } };
  for (const path of ['/', '/traces', `/traces/${id}`, '/routes', '/exporters']) {
    await visit(service, path, async (page) => {
      await page.evaluate(() => {
        window.shifted = 0;
        new PerformanceObserver((list) => list.getEntries().forEach((entry) => { if (!entry.hadRecentInput) window.shifted += entry.value; }))
          .observe({ type: 'layout-shift', buffered: true });
      });
      await page.locator('main :is(.row, .spacer .tr, .figures tr, p.quiet)').first().waitFor();
      for (let i = 0; i < 5; i += 1) await call(service, '/api/activities/home');
      if (path.endsWith(id)) {
        const rows = await page.locator('.row').count();
        await call(service, '/api/activities/home', caller);
        await until(() => page.locator('.row').count(), (count) => count > rows);
      }
      await page.waitForTimeout(400);
      const shifted = await page.evaluate(() => window.shifted);
      assert.ok(shifted < 0.1, `${path}: ${shifted}`);
    });
  }
});

test('nothing moves by itself, whether one asked for that or not', async () => {
  const id = await call(service, '/api/activities/home');
  for (const path of ['/', '/traces', `/traces/${id}`, '/routes', '/exporters']) {
    await visit(service, path, async (page) => {
      await page.locator('main :is(.row, .tr, .figures tr, p)').first().waitFor();
      const moving = await page.evaluate(() => [...document.querySelectorAll('*')].filter((element) => ['', '::before', '::after'].some((part) => {
        const { animationName, transitionDuration, scrollBehavior } = getComputedStyle(element, part);
        return animationName !== 'none' || transitionDuration !== '0s' || scrollBehavior === 'smooth';
      })).map((element) => element.outerHTML));
      assert.deepEqual(moving, [], path);
    });
  }
});

test('markup from text is refused by the browser itself', async () => {
  await visit(service, '/', async (page) => {
    const refused = await page.evaluate(() => {
      try {
        document.body.insertAdjacentHTML('beforeend', '<b>markup</b>');
        return false;
      } catch {
        return true;
      }
    });
    assert.ok(refused);
    await page.evaluate(() => { window.violations = []; });
  }, { expected: /TrustedHTML/ });
});

test('pictures of the views', { skip: !process.env.SCREENSHOTS }, async () => {
  await clear();
  const paths = ['home', '@worf', 'search?term=cloud', 'notifications', 'nope', 'home', '68f126b0-1ceb-4a33-88be-d90fa7109eee'];
  for (let i = 0; i < 12; i += 1) for (const path of paths) await call(service, `/api/activities/${path}`);
  const id = await call(service, '/api/activities/home');
  for (const [theme, options] of [['light', {}], ['dark', { scheme: 'dark' }], ['narrow', { size: NARROW }]]) {
    for (const [name, path] of [['feed', '/'], ['traces', '/traces'], ['trace', `/traces/${id}`], ['routes', '/routes']]) {
      await visit(service, path, async (page) => {
        await page.locator('main :is(.row, .spacer .tr, .figures tr)').first().waitFor();
        await picture(page, `${name}-${theme}`, { fullPage: theme === 'narrow' && name !== 'traces' });
      }, options);
    }
  }
});
