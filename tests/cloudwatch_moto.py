#!/usr/bin/env python3
"""Log records to CloudWatch Logs as moto has it, and back through AWS's own SDK for Python.

Usage: tests/cloudwatch_moto.py [path of the binary]       (target/debug/backend-actix, after `cargo build`)

Needs moto, which `cargo test` does not: python3 -m venv venv && venv/bin/pip install 'moto[logs,server]==5.2.5',
then venv/bin/python tests/cloudwatch_moto.py. The limits that moto does not check are in tests/suite/cloudwatch.rs.
"""

import json
import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

try:
    import boto3
    from moto.server import ThreadedMotoServer
except ImportError as error:
    sys.exit(f"{error}; {__doc__}")

REQUESTS = 100
GROUP = "cruddur"
REGION = "eu-central-1"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}


def main(binary):
    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    moto.start()
    host, port = moto.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    try:
        made, stderr = run(binary, endpoint)
        check(made, stderr, read_back(endpoint))
    finally:
        moto.stop()


def run(binary, endpoint):
    """Makes requests to the service. Returns the trace and span id of each, and what it said."""
    service = subprocess.Popen(
        [binary],
        env=CREDENTIALS
        | {
            "PORT": "0",
            "CLOUDWATCH_LOG_GROUP": GROUP,
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_REGION": REGION,
            "OTEL_TRACES_EXPORTER": "none",
        },
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        said = []
        for line in service.stderr:
            said.append(line)
            if "listening on " in line:
                break
        address = said[-1].rsplit(" ", 1)[1].strip()
        made = set()
        for _ in range(REQUESTS):
            with urllib.request.urlopen(f"{address}/api/activities/home") as answer:
                made.add(tuple(answer.headers["traceresponse"].split("-")[1:3]))
        service.send_signal(signal.SIGTERM)
        said.append(service.stderr.read())
        assert service.wait() == 0, said
        return made, "".join(said)
    finally:
        service.kill()


def read_back(endpoint):
    """All events of the group's one stream, as boto3 reads them."""
    logs = boto3.client(
        "logs",
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    (stream,) = logs.describe_log_streams(logGroupName=GROUP)["logStreams"]
    events, token = [], None
    while True:
        page = logs.get_log_events(
            logGroupName=GROUP,
            logStreamName=stream["logStreamName"],
            startFromHead=True,
            **({"nextToken": token} if token else {}),
        )
        events += page["events"]
        if not page["events"] or page["nextForwardToken"] == token:
            return events
        token = page["nextForwardToken"]


def check(made, stderr, events):
    assert len(made) == REQUESTS, made
    messages = [json.loads(event["message"]) for event in events]
    requests = [message for message in messages if message["target"] == "access"]
    assert len(requests) == REQUESTS, (len(requests), stderr)
    assert {(message["trace_id"], message["span_id"]) for message in requests} == made
    for message in requests:
        assert (message["route"], message["status"]) == ("/api/activities/home", 200), message
    report = f"cloudwatch {GROUP}: {len(events)} log records exported, 0 failed, 0 dropped"
    assert report in stderr, stderr
    print(f"moto has all {REQUESTS} requests with their ids; {report}")


if __name__ == "__main__":
    target = Path(os.environ.get("CARGO_TARGET_DIR", "target"))
    main(sys.argv[1] if len(sys.argv) > 1 else target / "debug" / "backend-actix")
