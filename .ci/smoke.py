#!/usr/bin/env python3
"""Runs the functions as they are deployed: the release binaries, each behind an emulation of Lambda's runtime API,
called with the events of events/, on the local run's database.

Each check prints one line, and the first that fails ends the run. Needs cargo-lambda on the PATH and the binaries
that `cargo lambda build --release` left behind, for this machine's own instruction set.
"""

import argparse
import base64
import contextlib
import hashlib
import hmac
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EVENTS = ROOT / "events"
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
FUNCTIONS = sorted(folder.name for folder in (ROOT / "functions").iterdir() if folder.is_dir())

TABLE = "checkout"  # as the local run names it
SECRET = "whsec_Y2hlY2tvdXQtc2Vzc2lvbnMtbG9jYWwtc2VjcmV0"  # with which events/record-order-event.json is signed

# Seconds. Nothing here is waited for without an end; the last is for all of it together.
COMPILE, START, INVOCATION, STOP, ALL = 1500, 60, 20, 5, 1800


class Failed(Exception):
    """A check that did not hold; its text is for the reader of the log."""


# -- Processes -------------------------------------------------------------------------------------------------------


class Process:
    """A process of this run, with whatever it starts itself, and what it prints in files."""

    def __init__(self, name, command, logs, env=None):
        self.name = name
        self.stdout, self.stderr = logs / f"{name}.out", logs / f"{name}.err"
        with self.stdout.open("wb") as stdout, self.stderr.open("wb") as stderr:
            self.child = subprocess.Popen(
                command, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr,
                start_new_session=True,
            )

    def output(self):
        return self.stdout.read_text(errors="replace") + self.stderr.read_text(errors="replace")

    def assert_alive(self):
        code = self.child.poll()
        if code is not None:
            raise Failed(f"{self.name} ended with code {code}; it printed:\n{tail(self.output())}")

    def wait(self, seconds):
        try:
            return self.child.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Failed(f"{self.name} did not end within {seconds} s; it printed:\n{tail(self.output())}") from None

    def stop(self):
        for sign in (signal.SIGINT, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.child.pid, sign)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.child.wait(STOP)


@contextlib.contextmanager
def running(*arguments, **options):
    process = Process(*arguments, **options)
    try:
        yield process
    finally:
        process.stop()


def tail(text, lines=30):
    return "\n".join(f"    {line}" for line in text.splitlines()[-lines:]) or "    (nothing)"


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def until(ready, what, *processes):
    """Waits for `ready`, but not for what a dead process can no longer bring about."""
    deadline = time.monotonic() + START
    while not ready():
        for process in processes:
            process.assert_alive()
        if time.monotonic() > deadline:
            printed = "".join(f"\n{process.name} printed:\n{tail(process.output())}" for process in processes)
            raise Failed(f"{what}: not within {START} s{printed}")
        time.sleep(0.1)


# -- The database and the emulator -----------------------------------------------------------------------------------


@contextlib.contextmanager
def database(logs):
    """The local run, of which only the engine is used, with the table that it creates. Yields the endpoint."""
    # Selected like this, it shares every crate with `cargo test`; by itself, a hundred would differ in their features.
    compile_it = ["cargo", "build", "--quiet", "--locked", "--workspace", "--tests", "--bin", "dev"]
    with running("cargo-build", compile_it, logs) as build:
        if build.wait(COMPILE) != 0:
            raise Failed(f"the local run does not compile:\n{tail(build.output())}")
    port = free_port()
    command = [str(TARGET / "debug" / "dev"), "--port", "0", "--engine-port", str(port)]
    endpoint = f"http://127.0.0.1:{port}"
    with running("dev", command, logs) as engine:
        until(lambda: has_table(endpoint), f"the table {TABLE} at {endpoint}", engine)
        yield endpoint


def has_table(endpoint):
    request = urllib.request.Request(
        endpoint,
        data=json.dumps({"TableName": TABLE}).encode(),
        headers={
            "content-type": "application/x-amz-json-1.0",
            "x-amz-target": "DynamoDB_20120810.DescribeTable",
            "x-amz-date": time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()),
            # Of the form that an engine on this machine expects, which checks no signature.
            "authorization": "AWS4-HMAC-SHA256 Credential=x/20260101/eu-central-1/dynamodb/aws4_request, "
            "SignedHeaders=host;x-amz-date;x-amz-target, Signature=00",
        },
    )
    try:
        with urllib.request.urlopen(request, timeout=2) as answer:
            return json.load(answer)["Table"]["TableStatus"] == "ACTIVE"
    except (OSError, ValueError, KeyError):
        return False


@contextlib.contextmanager
def runtime_api(logs):
    """cargo-lambda's emulation of Lambda's runtime API. Yields its port."""
    port = free_port()
    command = ["cargo", "lambda", "watch", "--only-lambda-apis"]
    command += ["--invoke-address", "127.0.0.1", "--invoke-port", str(port)]
    with running("cargo-lambda-watch", command, logs) as emulator:
        until(lambda: listens(port), f"the runtime API on port {port}", emulator)
        yield port


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


# -- The functions ---------------------------------------------------------------------------------------------------


def environment(function, port, endpoint):
    """What Lambda sets and what template.yaml sets, and nothing of this machine's own."""
    return {
        "PATH": os.environ["PATH"],
        "AWS_LAMBDA_FUNCTION_NAME": function,
        "AWS_LAMBDA_FUNCTION_VERSION": "1",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
        "AWS_LAMBDA_RUNTIME_API": f"http://127.0.0.1:{port}/.rt/{function}",
        "AWS_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
        "AWS_ENDPOINT_URL_DYNAMODB": endpoint,
        "RUST_LOG": "INFO",
        "TABLE_NAME": TABLE,
        "PAYMENT_EVENTS_SECRET": SECRET,
        "CHAIN_SECRET": '{"endpoints":{}}',
        "SESSION_RETENTION_DAYS": "30",
    }


class Smoke:
    """The running functions, and the checks of them."""

    def __init__(self, binaries, port, endpoint, logs):
        self.binaries, self.port, self.endpoint, self.logs = binaries, port, endpoint, logs
        self.functions = {}
        self.passed = 0

    def ok(self, what, outcome):
        self.passed += 1
        print(f"ok    {what:<56} {outcome}", flush=True)

    def start(self, function, name=None, env=None):
        binary = self.binaries / function / "bootstrap"
        if not binary.is_file():
            raise Failed(f"{binary} is missing: cargo lambda build --release --bin {function}")
        env = env or environment(function, self.port, self.endpoint)
        return running(name or function, [str(binary)], self.logs, env=env)

    @contextlib.contextmanager
    def all_started(self):
        with contextlib.ExitStack() as stack:
            for function in FUNCTIONS:
                self.functions[function] = stack.enter_context(self.start(function))
            yield

    def refuses_to_start(self, function, setting, value=None):
        """Without `setting`, or with one that cannot be right."""
        env = environment(function, self.port, self.endpoint)
        env.pop(setting, None)
        if value is not None:
            env[setting] = value
        what = f"{function} without {setting}" if value is None else f"{function} with {setting}={value}"
        with self.start(function, name=f"{function}-{setting}", env=env) as process:
            code = process.wait(START)
            if code == 0 or setting not in process.output():
                raise Failed(
                    f"{what} must fail and name the setting, but ended with code {code} and printed:\n"
                    f"{tail(process.output())}"
                )
        self.ok(what, f"ends with code {code} and names it")

    def call(self, what, event, status, expected):
        """Hands an event to its function; `expected` is the message of a success, the code of a failure."""
        function = what.split(".")[0]
        process = self.functions[function]
        process.assert_alive()
        answer = self.invoke(function, event)
        try:
            body = json.loads(answer["body"])
            found = body["message"] if body["success"] else body["error"]["code"]
            outcome = (answer["statusCode"], body["statusCode"], answer["headers"]["content-type"], found)
        except (KeyError, TypeError, ValueError):
            raise Failed(f"{what}: not an answer of the contract:\n{tail(json.dumps(answer, indent=2))}") from None
        if outcome != (status, status, "application/json", expected):
            raise Failed(
                f"{what}: expected {status} {expected!r}, got:\n{tail(json.dumps(answer, indent=2))}\n"
                f"{function} printed:\n{tail(process.output())}"
            )
        self.ok(what, f"{status} {expected}")
        return body.get("data")

    def invoke(self, function, event):
        data = self.logs / "event.json"
        data.write_text(json.dumps(event))
        command = ["cargo", "lambda", "invoke", "--invoke-address", "127.0.0.1", "--invoke-port", str(self.port)]
        command += [function, "--data-file", str(data)]
        with running(f"invoke-{function}", command, self.logs) as invocation:
            try:
                code = invocation.wait(INVOCATION)
                if code != 0:
                    raise Failed(f"the invocation of {function} failed:\n{tail(invocation.output())}")
                return json.loads(invocation.stdout.read_text())
            except (Failed, ValueError) as failure:
                printed = self.functions[function].output()
                raise Failed(f"{failure}\n{function} printed:\n{tail(printed)}") from None

    def equal(self, what, found, expected):
        if found != expected:
            raise Failed(f"{what} must be {expected!r} and is {found!r}")
        self.ok(what, found)


# -- Events ----------------------------------------------------------------------------------------------------------


def read(name):
    return json.loads((EVENTS / name).read_text())


def addressed(event, identifier):
    """The event with another id in its path."""
    [(parameter, old)] = event["pathParameters"].items()
    event["pathParameters"][parameter] = identifier
    event["rawPath"] = event["rawPath"].replace(old, identifier)
    http = event["requestContext"]["http"]
    http["path"] = http["path"].replace(old, identifier)
    return event


def linked(event, session):
    """The event that creates an order, linked to a session; its body stays in base64."""
    order = json.loads(base64.b64decode(event["body"]))
    order["checkoutSessionId"] = session
    event["body"] = base64.b64encode(json.dumps(order).encode()).decode()
    return event


def signed(event, **changes):
    """The payment event as of now, with a signature of now."""
    now = time.time()
    fact = json.loads(event["body"])
    fact["data"]["createdAt"] = int(now * 1000)
    fact.update(changes)
    event["body"] = json.dumps(fact)
    message, timestamp = f"msg_{time.time_ns()}", str(int(now))
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    content = f"{message}.{timestamp}.{event['body']}".encode()
    signature = base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode()
    event["headers"] |= {
        "webhook-id": message,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1,{signature}",
        "content-length": str(len(event["body"])),
    }
    return event


# -- The checks ------------------------------------------------------------------------------------------------------

# Every file of events/ as it is, on an empty table.
AS_THEY_ARE = {
    "create-checkout-session.json": (200, "Checkout session created"),
    "create-checkout-session.bad.json": (400, "invalid_field_value"),
    "get-checkout-session.json": (400, "session_not_found"),
    "get-checkout-session.bad.json": (400, "session_not_found"),
    "expire-checkout-session.json": (400, "session_not_found"),
    "expire-checkout-session.bad.json": (400, "session_not_found"),
    "create-order.json": (200, "Created order successfully"),
    "create-order.bad.json": (400, "invalid_address"),
    "get-order.json": (404, "resource_not_found"),
    "get-order.bad.json": (404, "resource_not_found"),
    "record-order-event.json": (401, "signature_expired"),
    "record-order-event.bad.json": (401, "signature_missing"),
}


def refused_starts(smoke):
    for function in FUNCTIONS:
        smoke.refuses_to_start(function, "TABLE_NAME")
    smoke.refuses_to_start("create-order", "FORWARDER_FACTORY", "0x12")
    smoke.refuses_to_start("create-checkout-session", "SESSION_RETENTION_DAYS", "soon")
    smoke.refuses_to_start("create-order", "CHAINS", "[")
    smoke.refuses_to_start("record-order-event", "PAYMENT_EVENTS_SECRET")
    smoke.refuses_to_start("watch-chain", "CHAIN_SECRET")
    smoke.refuses_to_start("watch-chain", "CHAIN_SECRET", '{"endpoints":{"1":["no URL"]}}')


def events_as_they_are(smoke):
    files = {path.name for path in EVENTS.iterdir()}
    known = AS_THEY_ARE.keys() | {"watch-chain.json"}
    if files != known:
        raise Failed(f"events/ and what is expected of it differ in {sorted(files ^ known)}")
    # Without a chain there is nothing to watch, and nobody to answer.
    smoke.equal("watch-chain.json", smoke.invoke("watch-chain", read("watch-chain.json")), None)
    for name, (status, expected) in AS_THEY_ARE.items():
        smoke.call(name, read(name), status, expected)


def session_to_its_end(smoke):
    """The same events with ids that exist: one session is paid, one expires."""
    create, get, expire = (f"{verb}-checkout-session" for verb in ("create", "get", "expire"))

    def new_session():
        return smoke.call(create, read(f"{create}.json"), 200, "Checkout session created")["id"]

    def session_status(session):
        event = addressed(read(f"{get}.json"), session)
        return smoke.call(get, event, 200, "Checkout session retrieved")["status"]

    def record(order, **changes):
        event = addressed(signed(read("record-order-event.json"), **changes), order)
        return smoke.call("record-order-event", event, 200, "Order event recorded")["order"]["status"]

    paid = new_session()
    smoke.equal("session.status", session_status(paid), "open")
    order = smoke.call("create-order", linked(read("create-order.json"), paid), 200, "Created order successfully")["id"]
    seen = smoke.call("get-order", addressed(read("get-order.json"), order), 200, "Get order and transactions successfully")
    smoke.equal("order.status", seen["order"]["status"], "scanning_deposit_transaction")
    smoke.equal("order.status", record(order), "executing")
    smoke.equal("session.status", session_status(paid), "processing")
    smoke.equal("order.status", record(order, type="order.executed"), "executed")
    smoke.equal("session.status", session_status(paid), "complete")
    smoke.call(expire, addressed(read(f"{expire}.json"), paid), 400, "invalid_status_transition")

    left = new_session()
    ended = smoke.call(expire, addressed(read(f"{expire}.json"), left), 200, "Checkout session expired")
    smoke.equal("session.status", ended["status"], "expired")
    smoke.call("create-order", linked(read("create-order.json"), left), 400, "invalid_status_transition")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binaries", type=Path, default=TARGET / "lambda", help="folder of <function>/bootstrap")
    parser.add_argument("--dynamodb-endpoint", help=f"a DynamoDB with an empty table {TABLE}, instead of the local run's")
    options = parser.parse_args()

    # A signal unwinds, so that nothing this run started outlives it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("smoke: ended from outside"))
    signal.signal(signal.SIGALRM, lambda *_: sys.exit(f"smoke: FAILED: not done within {ALL} s"))
    signal.alarm(ALL)

    smoke = None
    try:
        with contextlib.ExitStack() as stack:
            logs = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="smoke-")))
            endpoint = options.dynamodb_endpoint or stack.enter_context(database(logs))
            port = stack.enter_context(runtime_api(logs))
            smoke = Smoke(options.binaries.resolve(), port, endpoint, logs)
            refused_starts(smoke)
            with smoke.all_started():
                events_as_they_are(smoke)
                session_to_its_end(smoke)
    except Failed as failure:
        sys.exit(f"smoke: FAILED after {smoke.passed if smoke else 0} passed: {failure}")
    print(f"smoke: {smoke.passed} passed")


if __name__ == "__main__":
    main()
