// The calls that the bootcamp's React frontend makes, made by a browser from where that frontend is served,
// http://localhost:3000, and what its components read of the answers. No page of ours: it has the port.

import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { close, launch, start } from './support.mjs';

const ORIGIN = 'http://localhost:3000';
const STRANGER = 'http://localhost:3999';
const ACTIVITY = '68f126b0-1ceb-4a33-88be-d90fa7109eee';
/** Of its forms; what it reads is asked for without any. `credentials` is nowhere set. */
const FORM = { Accept: 'application/json', 'Content-Type': 'application/json' };

let [browser, frontend, service] = [];

before(async () => {
  frontend = createServer((_, response) => response.setHeader('content-type', 'text/html').end('<!doctype html>'));
  await new Promise((resolve) => frontend.listen(0, '127.0.0.1', resolve));
  // The origins as they are to be, whoever has those ports on this machine.
  const at = `127.0.0.1:${frontend.address().port}`;
  browser = await launch(`--host-resolver-rules=MAP localhost:3000 ${at}, MAP localhost:3999 ${at}`);
  service = await start('backend-actix', { WEB_ADDRESS: '' });
});

after(async () => {
  await service.stop();
  await close();
  frontend.close();
});

/** Its `DateTime.fromISO` takes RFC 3339; of what is no time it shows "Invalid DateTime". */
const isTime = (value, name) => assert.match(value, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?\+00:00$/, name);
const isText = (value, name) => assert.ok(typeof value === 'string' && value, `${name} is ${value}`);

/** What `ActivityItem`, `ActivityContent` and the four actions below them read. */
function activity(found) {
  for (const name of ['uuid', 'handle', 'message']) isText(found[name], name);
  isTime(found.created_at, 'created_at');
  if ('expires_at' in found) isTime(found.expires_at, 'expires_at');
  for (const name of ['likes_count', 'replies_count', 'reposts_count']) assert.ok(Number.isInteger(found[name] ?? 0), name);
  found.replies?.forEach(activity);
}

/** `ReplyForm` adds what was answered to the activity's `replies`. */
const takesReplies = (found) => assert.ok(Array.isArray(found.replies), 'replies');

/** `MessageItem`; and `MessageGroupItem`, which reads no `message`. */
function message(found) {
  isText(found.message, 'message');
  group(found);
}

function group(found) {
  for (const name of ['uuid', 'display_name', 'handle']) isText(found[name], name);
  isTime(found.created_at, 'created_at');
}

const all = (...checks) => (found) => {
  assert.ok(found.length > 0);
  // React's keys.
  assert.equal(new Set(found.map(({ uuid }) => uuid)).size, found.length, 'uuid');
  found.forEach((each) => checks.forEach((check) => check(each)));
};
const having = (expected, check) => (found) => {
  check(found);
  assert.deepEqual(Object.fromEntries(Object.keys(expected).map((name) => [name, found[name]])), expected);
};
const codes = (...expected) => (found) => assert.deepEqual(found, expected);

const me = { handle: 'andrewbrown', display_name: 'Andrew Brown' };

/** Who calls, what, with which body; the status that it looks for, and what it reads. */
const CALLS = [
  ['HomeFeedPage', 'GET', '/api/activities/home', null, 200, all(activity, takesReplies)],
  ['NotificationsFeedPage', 'GET', '/api/activities/notifications', null, 200, all(activity, takesReplies)],
  ['UserFeedPage', 'GET', '/api/activities/@andrewbrown', null, 200, all(activity)],
  ['UserFeedPage of a handle with a space, as the mock data have it', 'GET', '/api/activities/@Andrew Brown', null, 200, all(activity)],
  ['MessageGroupsPage', 'GET', '/api/message_groups', null, 200, all(group)],
  ['MessageGroupPage', 'GET', '/api/messages/@worf', null, 200, all(message)],
  ...['30-days', '7-days', '3-days', '1-day', '12-hours', '3-hours', '1-hour'].map((ttl) => [
    `ActivityForm, ${ttl}`, 'POST', '/api/activities', { message: 'Qapla’!', ttl }, 200, having({ ...me, message: 'Qapla’!' }, activity)]),
  ['ActivityForm, empty', 'POST', '/api/activities', { message: '', ttl: '7-days' }, 422, codes('message_blank')],
  ['ActivityForm, too long', 'POST', '/api/activities', { message: 'x'.repeat(281), ttl: '7-days' }, 422, codes('message_exceed_max_chars')],
  ['ReplyForm', 'POST', `/api/activities/${ACTIVITY}/reply`, { message: 'So it is' }, 200, having({ ...me, message: 'So it is' }, activity)],
  ['ReplyForm, empty', 'POST', `/api/activities/${ACTIVITY}/reply`, { message: '' }, 422, codes('message_blank')],
  ['MessageForm', 'POST', '/api/messages', { message: 'Hi', user_receiver_handle: 'worf' }, 200, having({ ...me, message: 'Hi' }, message)],
  ['MessageForm, empty', 'POST', '/api/messages', { message: '', user_receiver_handle: 'worf' }, 422, codes('message_blank')],
];

/** Opens a page of `origin`, signed in as the frontend does it: cookies, which are for it alone. */
async function from(origin, test) {
  const context = await browser.newContext();
  try {
    const page = await context.newPage();
    await page.goto(origin);
    await page.evaluate(() => { document.cookie = 'user.logged_in=true'; });
    const url = (path) => `http://localhost:${new URL(service.api).port}${path}`;
    await test((method, path, body) => page.evaluate(async ([url, options]) => {
      try {
        const response = await fetch(url, options);
        return { status: response.status, data: await response.json() };
      } catch (error) {
        return { error: `${error}` };
      }
    }, [url(path), { method, ...(body && { headers: FORM, body: JSON.stringify(body) }) }]));
  } finally {
    await context.close();
  }
}

test('each call of the React frontend is let through, and its components find what they read', async (t) => {
  await from(ORIGIN, async (call) => {
    for (const [who, method, path, body, status, check] of CALLS) {
      await t.test(who, async () => {
        const answer = await call(method, path, body);
        assert.equal(answer.status, status, JSON.stringify(answer));
        check(answer.data);
      });
    }
  });
});

test('from another origin the browser lets none of them through', async () => {
  await from(STRANGER, async (call) => {
    for (const [who, method, path, body] of CALLS) {
      assert.deepEqual(await call(method, path, body), { error: 'TypeError: Failed to fetch' }, who);
    }
  });
});
