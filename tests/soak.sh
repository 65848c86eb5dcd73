#!/usr/bin/env bash
# The service under load while its receiver fails, with figures; docs/reliability.md says what it should do.
# Takes minutes; not part of the tests.
# Usage: tests/soak.sh faults | saturation | flapping [SECONDS]
set -euo pipefail
cd "$(dirname "$0")/.."
case ${1:-} in
  faults | saturation) set -- "$1" ;;
  flapping) set -- flapping "${2:-600}" ;;
  *) sed -n 's/^# Usage: /usage: /p' "$0" >&2; exit 2 ;;
esac
exec cargo test --release --locked --test soak -- "$@"
