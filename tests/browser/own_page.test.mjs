// Traces that the service itself never makes: many spans, errors, what runs, what breaks conventions.

import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { call, close, json, launch, picture, start, text, until, visit } from './support.mjs';

let service;

before(async () => {
  await launch();
  service = await start('examples/own_page');
});

after(async () => {
  await service.stop();
  await close();
});

/** The spans that are shown, by name. */
const names = (page) => page.locator('.row .text').allInnerTexts();

test('a waterfall shows where the time went', async () => {
  const id = await call(service, '/order/7');
  await visit(service, `/traces/${id}`, async (page) => {
    await until(() => names(page), (found) => found.join() === 'GET /order/{id},load-order,read-lines,read-prices,convert-currency,add-up');
    const { tree, trace_duration_ns: length } = await json(service, `/api/traces/${id}`);
    const bars = await page.locator('.row .span').evaluateAll((elements) => elements.map((bar) => {
      const [track, box] = [bar.parentElement.getBoundingClientRect(), bar.getBoundingClientRect()];
      return [(box.left - track.left) / track.width, box.width / track.width, bar.children.length, box.width];
    }));
    tree.forEach((span, i) => {
      const [left, width, own, pixels] = bars[i];
      assert.ok(Math.abs(left - span.offset_ns / length) < 0.01, `${span.name} starts at ${left}`);
      assert.ok(Math.abs(width - span.duration_ns / length) < 0.01, `${span.name} is ${width} long`);
      assert.equal(own, span.own.length);
      assert.ok(pixels >= 2);
    });
    // The slowest leaf, and no other.
    await text(page.locator('.row', { has: page.getByText('slowest leaf') }).locator('.text'), 'convert-currency');
    assert.equal(await page.getByText('slowest leaf').count(), 1);
    const ticks = await page.locator('.axis .track span').count();
    assert.ok(ticks >= 3 && ticks <= 7, `${ticks} ticks`);
    for (const theme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme: theme });
      await picture(page, `waterfall-${theme}`);
    }
  });
});

test('a waterfall is walked, closed and opened with the keyboard', async () => {
  const id = await call(service, '/order/7');
  await visit(service, `/traces/${id}`, async (page) => {
    await until(() => names(page), (found) => found.length === 6);
    await page.locator('.row').first().focus();
    await page.keyboard.press('ArrowDown');
    assert.equal(await page.locator('.row[aria-selected=true] .text').innerText(), 'load-order');
    await text(page.locator('.detail h3'), 'load-order INTERNAL');
    await text(page.locator('.attributes').first(), /app\.order_id\s+7/);
    await page.keyboard.press('ArrowLeft');
    await until(() => names(page), (found) => found.join() === 'GET /order/{id},load-order,add-up');
    assert.equal(await page.locator('.row[aria-selected=true]').getAttribute('aria-expanded'), 'false');
    await page.keyboard.press('ArrowRight');
    await until(() => names(page), (found) => found.length === 6);
    await page.keyboard.press('End');
    await text(page.locator('.detail h3'), 'add-up INTERNAL');
    assert.equal(await page.evaluate(() => document.activeElement.querySelector('.text').textContent), 'add-up');
    await page.keyboard.press('Enter');
    assert.equal(await page.evaluate(() => document.activeElement.placeholder), 'Search attributes');
  });
});

test('an error has a sign, its event and its exception', async () => {
  const id = await call(service, '/fails');
  await visit(service, '/traces?errors=true', async (page) => {
    await until(() => page.locator('.spacer .request').allInnerTexts(), (rows) => rows.length === 1 && /✕/.test(rows[0]));
    await text(page.locator('.spacer .status'), '500');
  });
  await visit(service, `/traces/${id}`, async (page) => {
    await text(page.locator('.facts-line'), /^500[\s\S]*✕ 500/);
    await text(page.locator('.row.error .bad'), '✕');
    assert.equal(await page.locator('.row').first().locator('.event').count(), 1);
    await text(page.locator('.happened'), /exception[\s\S]*exception\.message\s+no money/);
    await picture(page, 'error-light');
    await page.locator('.row').nth(1).click();
    await text(page.locator('.happened b'), 'card declined');
  });
  await visit(service, '/routes', async (page) => {
    const row = page.locator('tr', { has: page.locator('th', { hasText: '/fails' }) });
    await text(row.locator('.bad'), '✕ 100.0 %');
    assert.ok(await page.locator('.cell.failed').count() > 0);
  });
});

test('what runs is shown while it runs, and grows', async () => {
  const answered = call(service, '/slow');
  await visit(service, '/traces', async (page) => {
    const row = page.locator('.spacer .tr.running');
    await text(row.locator('.request'), /GET \/slow/);
    await row.locator('a').click();
    await text(page.locator('.row.running .text'), 'GET /slow');
    assert.equal(await page.locator('.row.running').count(), 2);
    const shown = async () => parseFloat(await page.locator('.row.running .number').first().innerText());
    const first = await shown();
    await until(shown, (now) => now !== first);
    await picture(page, 'running-light');
    await answered;
    await until(() => page.locator('.row.running').count(), (n) => n === 0);
    await text(page.locator('.facts-line'), /^200/);
  });
});

test('what does not keep to the conventions is said where it stands', async () => {
  const id = await call(service, '/careless');
  await visit(service, `/traces/${id}`, async (page) => {
    const row = page.locator('.row').nth(1);
    await text(row.locator('.badge').filter({ hasText: 'finding' }), '3 findings');
    assert.equal(await page.locator('.row').first().locator('.badge', { hasText: 'finding' }).count(), 0);
    await row.click();
    const findings = await page.locator('.findings li').allInnerTexts();
    assert.match(findings.join('\n'), /`http\.status_code` is deprecated: use `http\.response\.status_code`/);
    assert.match(findings.join('\n'), /`server\.port` is text, expected an integer/);
    assert.match(findings.join('\n'), /`user` has no namespace/);
    await picture(page, 'findings-light');
  });
});

test('of very many spans a hundred are shown, and the others when asked for', async () => {
  const id = await call(service, '/many');
  await visit(service, `/traces/${id}`, async (page) => {
    await until(() => names(page), (found) => found.length === 101);
    await page.getByRole('button', { name: 'show 50 more' }).click();
    await until(() => names(page), (found) => found.length === 151 && found.at(-1) === 'part-149');
  });
});
