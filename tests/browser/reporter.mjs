// A line for each test, what is wrong with those that fail, and a last line with the sums.

export default async function* report(events) {
  let [passed, failed] = [0, 0];
  for await (const { type, data } of events) {
    if (type === 'test:pass' && !data.skip) {
      passed += 1;
      yield `ok    ${data.name} (${Math.round(data.details.duration_ms)} ms)\n`;
    } else if (type === 'test:fail') {
      failed += 1;
      const error = data.details.error?.cause ?? data.details.error;
      yield `FAIL  ${data.name}\n${error?.stack ?? error}\n`;
    } else if (type === 'test:stderr' || type === 'test:stdout') {
      yield data.message;
    }
  }
  yield `${passed} passed, ${failed} failed\n`;
}
