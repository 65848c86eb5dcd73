#!/usr/bin/env bash
# The container image and compose.yaml, tried as a user does: built, started, called, stopped.
#
# Needs an engine (podman or docker) with its compose, and the images that Containerfile names; knows
# nothing else. What it makes it takes away again, also when it fails.
set -euo pipefail
cd "$(dirname "$0")/.."

engine=${ENGINE:-$(command -v podman || command -v docker || true)}
[[ -n $engine ]] || { echo 'no container engine: install podman or docker' >&2; exit 1; }
if [[ -n ${COMPOSE:-} ]]; then compose=$COMPOSE
elif [[ $engine == *docker ]]; then compose='docker compose'
elif command -v podman-compose >/dev/null; then compose=podman-compose
else compose='podman compose'; fi

# A small image with perl in it, to play an OTLP receiver.
receiver_image=${RECEIVER_IMAGE:-docker.io/library/debian:bookworm-slim}

export COMPOSE_PROJECT_NAME=backend-actix-test-$$
export BACKEND_IMAGE=localhost/backend-actix:test-$$
# Below 32768: from there on Linux takes ports for outgoing connections, and one closed a moment ago
# keeps its port from being listened on.
export BACKEND_PORT=${BACKEND_PORT:-24567} PAGE_PORT=${PAGE_PORT:-23000}
receiver=$COMPOSE_PROJECT_NAME-receiver
# Nothing of the caller's own settings.
mapfile -t passed_on < <(sed -n 's/^ *\([A-Z_]*\): ${\1:-.*/\1/p' compose.yaml)
unset "${passed_on[@]}"

log=$(mktemp)
passed=0
say() { printf '%4ss  %s\n' "$SECONDS" "$*"; }
ok() { passed=$((passed + 1)); say "ok    $*"; }
fail() {
  say "FAIL  $*" >&2
  tail -n 40 "$log" >&2
  exit 1
}
# Killed, not asked: it has nothing to end.
stop_receiver() { "$engine" kill "$receiver" >/dev/null && "$engine" rm -f "$receiver" >/dev/null; }
clean_up() {
  # The receiver first: a network with somebody on it stays. (The build cache stays, as after any build.)
  stop_receiver >/dev/null 2>&1 || true
  $compose down --volumes >/dev/null 2>&1 || true
  "$engine" rmi -f "$BACKEND_IMAGE" >/dev/null 2>&1 || true
  rm -f "$log"
}
trap clean_up EXIT

# quietly COMMAND…: its output is shown only if it fails.
quietly() { "$@" >"$log" 2>&1 || fail "$*"; }
container() {
  "$engine" ps -aq --filter "label=com.docker.compose.project=$COMPOSE_PROJECT_NAME" \
    --filter 'label=com.docker.compose.service=backend-actix' | head -n 1
}
inspect() { "$engine" inspect --format "$1" "${2:-$(container)}"; }
# expect WHAT ACTUAL EXPECTED
expect() { [[ $2 == "$3" ]] && ok "$1: $2" || fail "$1: $2, expected $3"; }
# holds WHAT TEXT PART: the part is in the text.
holds() { [[ $2 == *"$3"* ]] && ok "$1: $3" || { printf '%s\n' "$2" >"$log"; fail "$1: no $3"; }; }

wait_for_health() {
  local name=$1
  for _ in {1..100}; do
    "$engine" exec "$name" /usr/local/bin/backend-actix health >"$log" 2>&1 && return
    sleep 0.2
  done
  "$engine" logs "$name" >>"$log" 2>&1
  fail 'the service does not become healthy'
}
# get PORT HOST PATH [HEADER]: through a published port, headers and body.
get() {
  exec 3<>"/dev/tcp/127.0.0.1/$1"
  printf 'GET %s HTTP/1.1\r\nHost: %s\r\n%bConnection: close\r\n\r\n' "$3" "$2" "${4:+$4\r\n}" >&3
  cat <&3
  exec 3>&-
}
# The home feed, from an origin that is allowed.
get_home() {
  get "$BACKEND_PORT" "localhost:$BACKEND_PORT" /api/activities/home "Origin: ${1:-http://localhost:3000}"
}

say "engine: $($engine --version), compose: $compose"

# --- compose.yaml, with every profile ---------------------------------------------------------------
for profile in '' xray jaeger collector react; do
  quietly $compose ${profile:+--profile "$profile"} config
  [[ -z $profile ]] || grep -q 'image:\|build:' "$log" || fail "profile $profile is empty"
  ok "config parses${profile:+, profile $profile}"
done
# YAML's anchors and our own image aside, each image has a version.
if sed -n 's/^ *image: *//p' compose.yaml | grep -vE ':[0-9$][^:]*$|^\$\{BACKEND_IMAGE' >"$log"; then
  fail 'an image without an exact version'
fi
ok 'images have exact versions'

# --- the image ------------------------------------------------------------------------------------
quietly $compose build
ok 'the image is built'
expect 'user' "$(inspect '{{.Config.User}}' "$BACKEND_IMAGE")" nonroot
size=$(inspect '{{.Size}}' "$BACKEND_IMAGE")
((size < 60000000)) || fail "size: $size bytes, expected under 60 MB"
ok "size: $((size / 1000000)) MB"
expect 'no page of itself' "$(inspect '{{range .Config.Env}}{{println .}}{{end}}' "$BACKEND_IMAGE" | grep '^WEB_ADDRESS')" 'WEB_ADDRESS='
expect 'licence label' "$(inspect '{{index .Config.Labels "org.opencontainers.image.licenses"}}' "$BACKEND_IMAGE")" MIT
exported=$("$engine" create "$BACKEND_IMAGE")
"$engine" export "$exported" | tar -t >"$log"
"$engine" rm "$exported" >/dev/null
if grep -E '(^|/)(sh|bash|dash|busybox|apt|dpkg)$' "$log"; then fail 'there is a shell or a package manager'; fi
ok 'no shell, no package manager'

set +e
said=$("$engine" run --rm -e PORT=abc "$BACKEND_IMAGE" 2>&1)
code=$?
set -e
expect 'exit code with PORT=abc' "$code" 2
expect 'what it says' "$said" 'backend-actix: PORT is "abc": expected a port number from 0 to 65535'

# --- up ---------------------------------------------------------------------------------------------
quietly $compose up -d --no-build backend-actix
name=$(container)
[[ -n $name ]] || fail 'no container'
wait_for_health "$name"
ok 'healthy'
answer=$(get_home)
holds 'home' "$answer" 'HTTP/1.1 200 OK'
holds 'home' "$answer" 'access-control-allow-origin: http://localhost:3000'
holds 'home' "$answer" 'I am out of prune juice'
trace_id=$(sed -n 's/^traceresponse: 00-\([0-9a-f]*\)-.*/\1/p' <<<"$answer")
logs=$("$engine" logs "$name" 2>&1)
holds 'log: SERVER span' "$logs" 'Name         : GET /api/activities/home'
holds 'log: child span' "$logs" 'Name         : home-activities-mock-data'
holds 'log: trace id' "$logs" "TraceId      : $trace_id"
expect 'log: spans go to' "$(sed -n 's/.*spans go to //p' <<<"$logs")" console

holds 'page' "$(get "$PAGE_PORT" "localhost:$PAGE_PORT" /)" '<title>backend-actix</title>'
holds 'page: the trace' "$(get "$PAGE_PORT" "127.0.0.1:$PAGE_PORT" "/api/traces/$trace_id")" home-activities-mock-data
holds 'page: a foreign host' "$(get "$PAGE_PORT" rebound.example /)" 'HTTP/1.1 403'
holds 'page: may call the API' "$(get_home "http://localhost:$PAGE_PORT")" "access-control-allow-origin: http://localhost:$PAGE_PORT"

expect 'read-only root' "$(inspect '{{.HostConfig.ReadonlyRootfs}}')" true
holds 'no new privileges' "$(inspect '{{.HostConfig.SecurityOpt}}')" no-new-privileges
expect 'memory limit' "$(inspect '{{.HostConfig.Memory}}')" 268435456
expect 'pids limit' "$(inspect '{{.HostConfig.PidsLimit}}')" 128
expect 'init' "$(inspect '{{.HostConfig.Init}}')" true
pid=$(inspect '{{.State.Pid}}')
if [[ -r /proc/$pid/status ]]; then
  # What the kernel says, whatever the engine calls it.
  expect 'capabilities' "$(awk '/^CapBnd/ {print $2}' "/proc/$pid/status")" 0000000000000000
  expect 'NoNewPrivs' "$(awk '/^NoNewPrivs/ {print $2}' "/proc/$pid/status")" 1
else
  holds 'capabilities' "$(inspect '{{.HostConfig.CapDrop}}')" CAP_
fi

# --- to a receiver, and down --------------------------------------------------------------------------
network=$(inspect '{{range $name, $_ := .NetworkSettings.Networks}}{{$name}} {{end}}' | awk '{print $1}')
quietly "$engine" run -d --name "$receiver" --network "$network" "$receiver_image" \
  perl -MIO::Socket::INET -e '
    $| = 1;
    my $listener = IO::Socket::INET->new(LocalPort => 4318, Listen => 16, ReuseAddr => 1) or die $!;
    while (my $client = $listener->accept) {
      my ($length, $body) = 0;
      while (<$client>) { $length = $1 if /^content-length: (\d+)/i; last if /^\r?\n$/ }
      read $client, $body, $length;
      print "$1\n" while $body =~ /([\x20-\x7e]{8,})/g;
      print $client "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
      close $client;
    }'
quietly $compose stop
expect 'exit code after stop' "$(inspect '{{.State.ExitCode}}')" 0
"$engine" rm -f "$(container)" >/dev/null
export OTEL_EXPORTER_OTLP_ENDPOINT=http://$receiver:4318
quietly $compose up -d --no-build backend-actix
name=$(container)
wait_for_health "$name"
holds 'home, exported' "$(get_home)" 'HTTP/1.1 200 OK'
began=$SECONDS
quietly $compose stop
((SECONDS - began < 15)) || fail 'it was killed at the end of the grace period'
expect 'exit code after stop' "$(inspect '{{.State.ExitCode}}')" 0
holds 'last words' "$("$engine" logs "$name" 2>&1)" 'v1/traces: 2 spans exported, 0 failed, 0 dropped'
received=$("$engine" logs "$receiver" 2>&1)
holds 'receiver: SERVER span' "$received" 'GET /api/activities/home'
holds 'receiver: child span' "$received" 'home-activities-mock-data'
stop_receiver
quietly $compose down
[[ -z $(container) ]] || fail 'down leaves the container'
[[ -z $("$engine" network ls -q --filter "name=$COMPOSE_PROJECT_NAME") ]] || fail 'down leaves the network'
ok 'down takes the container and its network away'

echo "$passed passed, 0 failed"
