#!/usr/bin/env bash
# The page in a real browser: Debian's Chromium, driven by playwright-core. Installs what is missing.
#
#   tests/browser.sh                          all
#   SCREENSHOTS=/tmp/page tests/browser.sh    and keeps pictures of the views
set -euo pipefail
cd "$(dirname "$0")/.."

if ! command -v chromium >/dev/null; then
  apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium >/dev/null
fi
if ! command -v npm >/dev/null; then
  apt-get update -qq && apt-get install -y -qq --no-install-recommends nodejs npm >/dev/null
fi
cargo build --locked --quiet --bin backend-actix --example own_page
cd tests/browser
npm ci --silent --no-audit --no-fund
BINARIES=${CARGO_TARGET_DIR:-$PWD/../../target}/debug \
  node --test --test-reporter=./reporter.mjs --test-concurrency=1 ./*.test.mjs
