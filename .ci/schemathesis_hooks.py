"""What Schemathesis must know of this service beyond openapi.yaml: signatures, ids that exist, and why a valid request
may be refused. Loaded by schemathesis.toml."""

import base64
import hashlib
import hmac
import itertools
import json
import os
import re
import time
import urllib.parse
import urllib.request
import zlib
from pathlib import Path

import schemathesis
from requests.auth import AuthBase

ROOT = Path(__file__).resolve().parent.parent

ORDER = {
    "type": "swap",
    "recipientAddress": "0xb34facb90a200251318e8841c05102366f2158cf",
    "srcChain": 8453,
    "dstChain": 8453,
    "srcTokenAddress": "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913",
    "dstTokenAddress": "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913",
    "srcAmount": "5000000",
    "payload": {"expectedDstAmount": "5000000"},
}

LARGEST_AMOUNT = 2**256 - 1
ZERO_ADDRESS = "0x" + "0" * 40

# `HOST` and a port that nobody argues about; of others, such as `http://1.2.3.999` or unassigned letters, RedirectUrl
# does not say which are none.
PLAIN_URL = re.compile(r"(?i)https?://([a-z]([a-z0-9-]*[a-z0-9])?\.)*[a-z]+(:[0-9]{1,4})?([/?#].*)?")

# The codes with which a request of the documented form may be refused, by operation.
REASONS = {
    # Prices and private data need a key, and the requests have none.
    "createCheckoutSession": {"key_missing"},
    "getCheckoutSession": {"session_not_found"},
    "expireCheckoutSession": {"session_not_found", "invalid_status_transition"},
    "createOrder": {
        "session_not_found",
        "invalid_status_transition",
        "unsupported_route",
        "onramp_not_configured",
        "invalid_address",  # a checksum that does not fit
        "missing_required_field",  # what only an order of a priced session may leave out
    },
    "getOrder": set(),
    "openPaymentLink": {"navigation_required", "onramp_refused"},
    "continueToVendor": {"navigation_required", "onramp_refused"},
    # Ids and cursors of sessions that are not there, and times that are none.
    "listCheckoutSessions": {"invalid_field_value"},
    "listOrders": {"invalid_field_value"},
    "recordOrderEvent": set(),
    # A vendor's body is anything to the document, and this run has no vendor.
    "recordStripeEvent": {"onramp_not_configured", "invalid_json"},
    "recordCoinbaseEvent": {"onramp_not_configured", "invalid_json"},
}


# -- Signatures ------------------------------------------------------------------------------------------------------


class Signature(AuthBase):
    """Signs a report of events as Standard Webhooks has it: last of all, over the bytes that are sent.

    What lacks one of the three headers, or has a malformed one, is left as it is, and so is one of eight of the rest:
    these must be refused.
    """

    def __init__(self, secret):
        self.key = base64.b64decode(secret.removeprefix("whsec_"))

    def __call__(self, request):
        message = as_bytes(request.headers.get("webhook-id") or "")
        timestamp = as_bytes(request.headers.get("webhook-timestamp") or "")
        if message and timestamp.isdigit() and request.headers.get("webhook-signature") and is_drawn(message):
            now = str(int(time.time()))
            body = as_bytes(request.body or b"")
            digest = hmac.digest(self.key, message + b"." + now.encode() + b"." + body, hashlib.sha256)
            request.headers["webhook-timestamp"] = now
            request.headers["webhook-signature"] = f"v1,{base64.b64encode(digest).decode()}"
        return request


schemathesis.auth.set_from_requests(Signature(os.environ["PAYMENT_EVENTS_SECRET"])).apply_to(
    path="/orders/{orderId}/events"
)


class ApiKey(AuthBase):
    """Sends the key that the local run left in a file, in seven of eight requests: without one, a list is refused."""

    def __call__(self, request):
        if is_drawn(request.url.encode()):
            port = urllib.parse.urlsplit(request.url).port
            request.headers["x-api-key"] = (ROOT / f"target/cargo-dev-{port}.key").read_text()
        return request


for path in ("/checkout-sessions", "/orders"):
    schemathesis.auth.set_from_requests(ApiKey()).apply_to(method="GET", path=path)


def as_bytes(text):
    # As the headers go over the wire.
    return text if isinstance(text, bytes) else text.encode("latin-1")


def is_drawn(value):
    """Seven of eight, and the same ones at each run with one seed."""
    return zlib.crc32(value) % 8 != 0


# -- Requests that reach what is stored ------------------------------------------------------------------------------


# The last session that was opened along the links of the document.
followed = {}
# So that a key is new.
numbers = itertools.count()


@schemathesis.hook
def before_call(_context, case, _kwargs):
    """Most valid requests get ids that exist, a key that is new and an order that this service takes, so that more is
    tested than refusals. Along the links of the document the ids exist anyway, and an order pays the last session, for
    which a link has no words."""
    meta = case.meta
    if meta is None or not meta.generation.mode.is_positive:
        return
    if operation_of(case) in ("listCheckoutSessions", "listOrders"):
        # A cursor, a session to start after and a time are texts to the document. Hardly a drawn one is any, and the
        # tool fails on an operation that mostly refuses. The system tests have good and bad ones of each.
        case.query = {name: value for name, value in case.query.items() if name in ("status", "limit", "offset", "creatorAddress")}
    if not is_drawn(repr((case.path_parameters, case.body)).encode()):
        return
    base, follows_links = case.operation.base_url, meta.phase.name.value == "stateful"
    if "sessionId" in case.path_parameters and not follows_links:
        case.path_parameters["sessionId"] = new_session(base)
    if "orderId" in case.path_parameters and not follows_links:
        case.path_parameters["orderId"] = new_order(base)
    if "Idempotency-Key" in case.headers:
        case.headers["Idempotency-Key"] = f"{case.headers['Idempotency-Key'][:200]}-{next(numbers)}"
    if isinstance(case.body, dict):
        body = with_plain_integers(case.body)
        if operation_of(case) == "createOrder":
            body = takeable(body)
            if follows_links and "session" in followed:
                body["checkoutSessionId"] = followed.pop("session")
            elif body.get("checkoutSessionId"):
                body["checkoutSessionId"] = new_session(base)
        case.body = body


@schemathesis.hook
def after_call(_context, case, response):
    follows_links = case.meta is not None and case.meta.phase.name.value == "stateful"
    if follows_links and operation_of(case) == "createCheckoutSession" and response.status_code == 200:
        followed["session"] = response.json()["data"]["id"]


def operation_of(case):
    return case.operation.definition.raw["operationId"]


def with_plain_integers(value):
    """`1.0` written as `1`: one is an integer to JSON Schema, only the other is one to this service."""
    if isinstance(value, dict):
        return {name: with_plain_integers(member) for name, member in value.items()}
    if isinstance(value, list):
        return [with_plain_integers(member) for member in value]
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 2**53 else value


def takeable(order):
    """The order with the route and spelling that it needs. What leaves something out, for a price to fill, stays."""
    if not ORDER.keys() <= {name for name, value in order.items() if value is not None}:
        return order
    order = dict(order)
    for end in ("recipientAddress", "srcTokenAddress"):
        order[end] = order[end].lower()
    order |= {"dstChain": order["srcChain"], "dstTokenAddress": order["srcTokenAddress"]}
    if order.get("onramp"):
        order["onramp"] = order["onramp"] | {"vendor": "none"}
    return order


def new_session(base):
    return post(f"{base}/checkout-sessions", {})["id"]


def new_order(base):
    return post(f"{base}/orders", ORDER | {"checkoutSessionId": new_session(base)})["id"]


def post(url, body):
    with urllib.request.urlopen(urllib.request.Request(url, json.dumps(body).encode()), timeout=20) as answer:
        return json.load(answer)["data"]


# -- Checks ----------------------------------------------------------------------------------------------------------


@schemathesis.check
def a_valid_request_is_refused_for_its_reasons_only(_context, response, case):
    if case.meta is None or not case.meta.generation.mode.is_positive or response.status_code != 400:
        return
    if response.headers["content-type"][0].startswith("text/html"):
        return  # A payment link is answered with a page for people.
    error = response.json()["error"]
    operation = operation_of(case)
    if error["code"] in REASONS[operation]:
        return
    param = error.get("param", "")
    if error["code"] == "invalid_field_value" and (
        breaks_an_unwritten_rule(member(case.body, param))
        or (operation == "createOrder" and contradicts_another_field(case.body, param))
    ):
        return
    raise AssertionError(f"{operation} refuses a valid request with {error['code']}: {error['message']}")


def member(value, path):
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def contradicts_another_field(order, param):
    """Rules of createOrder between two fields, which a schema cannot express."""
    if not ORDER.keys() <= order.keys():
        return False
    if param == "recipientAddress":
        return order["recipientAddress"].lower() in (ZERO_ADDRESS, order["srcTokenAddress"].lower())
    if param == "payload.expectedDstAmount":
        return int(order["payload"]["expectedDstAmount"]) > int(order["srcAmount"])
    return False


def breaks_an_unwritten_rule(value):
    """What the schemas let through, for want of words or to stay readable."""
    if isinstance(value, float):
        # `1.0` is an integer to JSON Schema; openapi.yaml says in its text that it is none here.
        return value.is_integer()
    if isinstance(value, int):
        # Points have at most 64 digits.
        return len(str(value)) > 64
    if isinstance(value, str) and value.isdecimal():
        # An amount has up to 78 digits, but not each number of 78 digits is an amount.
        return int(value) > LARGEST_AMOUNT
    return isinstance(value, str) and "://" in value and not PLAIN_URL.fullmatch(value)


@schemathesis.hook
def filter_failure(_context, failure, case, _response):
    """An unknown header is ignored, as everywhere. The tool means to allow that, and fails to where another header is
    declared an integer, as webhook-timestamp is. An empty parameter of a list counts as absent."""
    if failure.code == "ST201" and operation_of(case).startswith("list") and "" in (case.query or {}).values():
        return False
    return not (failure.code == "ST201" and "x-schemathesis-unknown-property" in case.headers)


@schemathesis.check
def a_method_that_no_route_has_is_not_found(_context, response, case):
    method = response.request.method
    # A preflight request is answered for every path.
    if method == case.operation.method.upper() or method == "OPTIONS":
        return
    if response.status_code != 404 or (method != "HEAD" and response.json() != {"message": "Not Found"}):
        raise AssertionError(f"{method} is answered with {response.status_code}: {response.text}")
