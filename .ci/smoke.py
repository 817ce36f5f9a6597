#!/usr/bin/env python3
"""Runs the functions as they are deployed: the release binaries, each behind an emulation of Lambda's runtime API,
called with the events of events/, on the local run's database.

Each check prints one line, and the first that fails ends the run. Needs cargo-lambda on the PATH and the binaries
that `cargo lambda build --release` left behind, for this machine's own instruction set.
"""

import argparse
import base64
import contextlib
import gzip
import hashlib
import hmac
import http.server
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EVENTS = ROOT / "events"
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
DEV = TARGET / "debug" / "dev"
FUNCTIONS = sorted(folder.name for folder in (ROOT / "functions").iterdir() if folder.is_dir())

TABLE = "checkout"  # as the local run names it
SECRET = "whsec_Y2hlY2tvdXQtc2Vzc2lvbnMtbG9jYWwtc2VjcmV0"  # with which events/record-order-event.json is signed

# Seconds. Nothing here is waited for without an end; the last is for all of it together.
COMPILE, START, INVOCATION, STOP, ALL = 1500, 60, 20, 5, 1800


class Failed(Exception):
    """A failed check; its text is for the reader of the log."""


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
def local_run(logs):
    """The local run, with the table that it creates. Yields the engine's endpoint and the port of its API."""
    # Selected like this, it shares every crate with `cargo test`; by itself, a hundred would differ in their features.
    compile_it = ["cargo", "build", "--quiet", "--locked", "--workspace", "--tests", "--bin", "dev"]
    with running("cargo-build", compile_it, logs) as build:
        if build.wait(COMPILE) != 0:
            raise Failed(f"the local run does not compile:\n{tail(build.output())}")
    api_port, engine_port = free_port(), free_port()
    command = [str(DEV), "--port", str(api_port), "--engine-port", str(engine_port)]
    endpoint = f"http://127.0.0.1:{engine_port}"
    with running("dev", command, logs) as engine:
        until(lambda: has_table(endpoint), f"the table {TABLE} at {endpoint}", engine)
        until(lambda: listens(api_port), f"the API on port {api_port}", engine)
        yield endpoint, api_port


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
        "METRICS_NAMESPACE": "smoke",
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

    def page(self, event, language):
        """Hands an event to the checkout page, and reads the document as a browser would."""
        answer = self.invoke("checkout-page", event)
        headers, body = answer["headers"], answer["body"]
        document = gzip.decompress(base64.b64decode(body)).decode()
        self.equal("checkout-page", (answer["statusCode"], headers["content-type"]), (200, "text/html; charset=utf-8"))
        self.equal("checkout-page's language", f'<html lang="{language}"' in document, True)
        [script] = re.findall('<script type="module">(.*?)</script>', document, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        self.equal("checkout-page's policy allows its script", f"script-src 'sha256-{digest}'" in headers["content-security-policy"], True)

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

# What each function responds to its files of events/ on an empty table, and its message after a success.
EXPECTED = read("expected.json")


def expected_of(function, *kinds):
    """The status and the message or code of the first of these kinds that is there."""
    expected = EXPECTED[function]
    outcome = next(expected[kind] for kind in kinds if kind in expected)
    return outcome["status"], outcome.get("code", expected.get("message"))


def refused_starts(smoke):
    for function in FUNCTIONS:
        smoke.refuses_to_start(function, "TABLE_NAME")
    smoke.refuses_to_start("create-order", "FORWARDER_FACTORY", "0x12")
    smoke.refuses_to_start("create-checkout-session", "SESSION_RETENTION_DAYS", "soon")
    # What SAM CLI leaves of a JSON value, and a revision that nobody stored.
    for function in ("create-order", "watch-chain"):
        smoke.refuses_to_start(function, "CHAINS", "[{")
        smoke.refuses_to_start(function, "CHAINS", "table:1")
    smoke.refuses_to_start("record-order-event", "PAYMENT_EVENTS_SECRET")
    smoke.refuses_to_start("watch-chain", "CHAIN_SECRET")
    smoke.refuses_to_start("watch-chain", "CHAIN_SECRET", '{"endpoints":{"1":["no URL"]}}')


class Refusing(http.server.BaseHTTPRequestHandler):
    """Secrets Manager and KMS, as they answer a role without permission."""

    def do_POST(self):
        self.rfile.read(int(self.headers.get("content-length") or 0))
        body = json.dumps({"__type": "AccessDeniedException", "Message": "the role may not do this"}).encode()
        self.send_response(400)
        self.send_header("content-type", "application/x-amz-json-1.1")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Its requests are not of interest."""


def refusals_of_aws(smoke):
    """A start that AWS refuses names the setting and the cause, and blames no format."""
    service = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Refusing)
    threading.Thread(target=service.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{service.server_address[1]}"
    secret = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:x-AbCdEf"
    key = "arn:aws:kms:eu-central-1:123456789012:key/12345678-1234-1234-1234-123456789012"
    for function, setting, value, replaced, cause in (
        ("watch-chain", "CHAIN_SECRET_ARN", secret, "CHAIN_SECRET", "the secret cannot be read: AccessDeniedException"),
        ("watch-chain", "GAS_KMS_KEY", key, None, "AccessDeniedException"),
        (
            "record-order-event",
            "PAYMENT_EVENTS_SECRET_ARN",
            secret,
            "PAYMENT_EVENTS_SECRET",
            "the secret cannot be read: AccessDeniedException",
        ),
    ):
        env = environment(function, smoke.port, smoke.endpoint)
        env.pop(replaced, None)
        env |= {setting: value, "AWS_ENDPOINT_URL_SECRETS_MANAGER": url, "AWS_ENDPOINT_URL_KMS": url}
        with smoke.start(function, name=f"{function}-refused-{setting}", env=env) as process:
            code = process.wait(START)
            printed = process.output()
            if code == 0 or f"{setting}: " not in printed or cause not in printed or "malformed" in printed:
                raise Failed(f"{function} must name {setting} and {cause!r}, but printed:\n{tail(printed)}")
        smoke.ok(f"{function} without access to {setting}", "names it and the cause")
    service.shutdown()


def events_as_they_are(smoke):
    files = {path.name for path in EVENTS.iterdir()}
    known = {"expected.json", "watch-chain.json", "checkout-page.json", "pay-order.json", "watch-card.json"}
    known |= {f"{function}{suffix}" for function in EXPECTED for suffix in (".json", ".bad.json")}
    if files != known:
        raise Failed(f"events/ and what is expected of it differ in {sorted(files ^ known)}")
    # Without a chain there is nothing to watch.
    smoke.equal("watch-chain.json", smoke.invoke("watch-chain", read("watch-chain.json")), None)
    smoke.equal("watch-card.json", smoke.invoke("watch-card", read("watch-card.json")), None)
    smoke.page(read("checkout-page.json"), "de")
    smoke.equal("pay-order.json", smoke.invoke("pay-order", read("pay-order.json"))["statusCode"], 404)
    for function in EXPECTED:
        # The signatures in these files are old.
        smoke.call(f"{function}.json", read(f"{function}.json"), *expected_of(function, "as_is_today", "as_is"))
        smoke.call(f"{function}.bad.json", read(f"{function}.bad.json"), *expected_of(function, "bad"))


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


def printed_events(smoke, port):
    """`cargo dev event`, as docs/deploying.md hands it to `sam local invoke`, with the variables of dev/sam-local.json."""
    local = json.loads((ROOT / "dev/sam-local.json").read_text())["Parameters"]
    expected = environment("watch-chain", smoke.port, smoke.endpoint)
    # The address by which a container reaches the engine means nothing here.
    differ = [name for name in local if name != "AWS_ENDPOINT_URL_DYNAMODB" and local[name] != expected.get(name)]
    smoke.equal("variables of dev/sam-local.json that differ", differ, [])
    for function in FUNCTIONS:
        command = [str(DEV), "event", function, "--port", str(port)]
        with running(f"event-{function}", command, smoke.logs) as printing:
            if printing.wait(START) != 0:
                raise Failed(f"cargo dev event {function} failed:\n{tail(printing.output())}")
            event = json.loads(printing.stdout.read_text())
        if "message" in EXPECTED.get(function, {}):
            smoke.call(function, event, 200, EXPECTED[function]["message"])
        elif function in EXPECTED:
            # It has nothing to do in a local run.
            smoke.call(function, event, *expected_of(function, "as_is"))
        elif function == "checkout-page":
            smoke.page(event, "de")
        elif function == "pay-order":
            # The order names no vendor.
            smoke.equal("pay-order", smoke.invoke(function, event)["statusCode"], 404)
        else:
            smoke.equal(f"{function} without chains", smoke.invoke(function, event), None)


def stored_chains(smoke):
    """A revision of the chains' configuration, which both functions read at their start."""
    token = "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913"
    file = smoke.logs / "chains.json"
    file.write_text(json.dumps([{"chainId": 8453, "tokens": [token], "finality": "safe"}]))
    command = [str(DEV), "chains", "put", str(file), "--table", TABLE, "--dynamodb-endpoint", smoke.endpoint]
    with running("chains-put", command, smoke.logs) as putting:
        if putting.wait(START) != 0:
            raise Failed(f"cargo dev chains put failed:\n{tail(putting.output())}")
        printed = putting.output()
    if "sam deploy --parameter-overrides Chains=table:1" not in printed:
        raise Failed(f"cargo dev chains put must print the command that deploys the revision:\n{tail(printed)}")
    smoke.ok("cargo dev chains put", "prints the command that deploys it")
    env = environment("create-order", smoke.port, smoke.endpoint) | {"CHAINS": "table:1"}
    with smoke.start("create-order", name="create-order-chains", env=env) as process:
        # The one started without chains would take the event.
        smoke.functions["create-order"].stop()
        smoke.functions["create-order"] = process
        order = json.loads(base64.b64decode(read("create-order.json")["body"]))
        for chain, status in ((8453, 200), (1, 400)):
            event = read("create-order.json")
            text = json.dumps(order | {"srcChain": chain, "dstChain": chain})
            event["body"] = base64.b64encode(text.encode()).decode()
            answer = smoke.invoke("create-order", event)
            smoke.equal(f"an order on chain {chain} with CHAINS=table:1", answer["statusCode"], status)


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
            if options.dynamodb_endpoint:
                endpoint, api_port = options.dynamodb_endpoint, None
            else:
                endpoint, api_port = stack.enter_context(local_run(logs))
            port = stack.enter_context(runtime_api(logs))
            smoke = Smoke(options.binaries.resolve(), port, endpoint, logs)
            refused_starts(smoke)
            refusals_of_aws(smoke)
            with smoke.all_started():
                events_as_they_are(smoke)
                session_to_its_end(smoke)
                if api_port:
                    printed_events(smoke, api_port)
                    stored_chains(smoke)
    except Failed as failure:
        sys.exit(f"smoke: FAILED after {smoke.passed if smoke else 0} passed: {failure}")
    print(f"smoke: {smoke.passed} passed")


if __name__ == "__main__":
    main()
