"""Holds samples of our requests and of the doubles' webhooks to the vendors' own libraries. `.ci/vendors` runs it: once with
the libraries of what is generally available, and once with the one of Stripe's preview."""

import importlib
import json
import sys
import typing
from pathlib import Path

import stripe
import typing_extensions

# The parameters of each call, as Stripe's library types them.
STRIPE_CALLS = {
    "POST /v1/checkout/sessions": "checkout._session_create_params.SessionCreateParams",
    "GET /v1/checkout/sessions/{id}": "checkout._session_retrieve_params.SessionRetrieveParams",
    "POST /v1/checkout/sessions/{id}/expire": "checkout._session_expire_params.SessionExpireParams",
    "POST /v1/refunds": "_refund_create_params.RefundCreateParams",
}


def main():
    samples = json.loads(Path(sys.argv[1]).read_text())
    if sys.argv[2:] == ["preview"]:
        return stripe_onramp(**samples["stripe_onramp"])
    stripe_calls(samples["stripe"]["calls"])
    stripe_webhook(samples["stripe"]["webhook"])
    coinbase_request(samples["coinbase"]["request"])
    coinbase_webhooks(samples["coinbase"]["webhooks"])


# -- Stripe ----------------------------------------------------------------------------------------------------------


def stripe_calls(calls):
    seen = set()
    for sample in calls:
        method, path = sample["call"].split(" ")
        parts = ["{id}" if "_test_" in part else part for part in path.split("/")]
        call = f"{method} {'/'.join(parts)}"
        seen.add(call)
        module, _, name = STRIPE_CALLS[call].rpartition(".")
        module = importlib.import_module(f"stripe.params.{module}")
        check_request(nested(sample["form"]), getattr(module, name), module, call)
    if seen != set(STRIPE_CALLS):
        sys.exit(f"No sample of {sorted(set(STRIPE_CALLS) - seen)}")
    print(f"ok    {len(calls)} requests have parameters that Stripe's library knows: {', '.join(sorted(seen))}")


def nested(form):
    """`a[b][0]` as objects and lists."""
    root = {}
    for name, value in form:
        *parents, last = name.replace("]", "").split("[")
        place = root
        for part in parents:
            place = place.setdefault(part, {})
        place[last] = value
    return lists(root)


def lists(value):
    if not isinstance(value, dict):
        return value
    members = {name: lists(member) for name, member in value.items()}
    is_list = bool(members) and all(name.isdigit() for name in members)
    return [members[name] for name in sorted(members, key=int)] if is_list else members


def check_request(request, kind, module, call):
    check(request, kind, module, call)
    # A check that knows no types refuses nothing.
    try:
        check(request | {"nonsense": "1"}, kind, module, call)
    except SystemExit:
        return
    sys.exit(f"{call}: a parameter that Stripe's library does not know is not refused")


def check(value, kind, module, path):
    """Whether a value of a form fits a type of the library. Numbers and booleans are texts in a form."""
    if isinstance(kind, str):
        kind = eval(kind, {**vars(typing), **vars(module)})  # the library's own annotation
    if isinstance(kind, typing.ForwardRef):
        return check(value, kind.__forward_arg__, module, path)
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if getattr(origin, "__name__", "") in ("NotRequired", "Required"):
        return check(value, inner[0], module, path)
    if origin is typing.Union:
        return one_of(value, inner, module, path)
    if origin is typing.Literal:
        expect(value in inner, path, f"one of {inner}", value)
    elif origin in (list, typing.List):
        expect(isinstance(value, list), path, "a list", value)
        for at, member in enumerate(value):
            check(member, inner[0], module, f"{path}[{at}]")
    elif origin in (dict, typing.Dict):
        expect(isinstance(value, dict), path, "an object", value)
    elif typing_extensions.is_typeddict(kind):
        expect(isinstance(value, dict), path, "an object", value)
        known = {name for base in (kind, *kind.__orig_bases__) for name in getattr(base, "__annotations__", {})}
        annotations = {name: hint for base in (kind,) for name, hint in base.__annotations__.items()}
        for name, member in value.items():
            expect(name in known, f"{path}.{name}", "a parameter that the library knows", member)
            check(member, annotations[name], module, f"{path}.{name}")
        missing = [name for name in kind.__required_keys__ if name not in value]
        expect(not missing or path.count(".") == 0, path, f"also {missing}", value)
    elif kind is int:
        expect(isinstance(value, str) and value.isdigit(), path, "an integer", value)
    elif kind is bool:
        expect(value in ("true", "false"), path, "true or false", value)
    elif kind is str:
        expect(isinstance(value, str), path, "a text", value)


def one_of(value, kinds, module, path):
    refusals = []
    for kind in kinds:
        try:
            return check(value, kind, module, path)
        except SystemExit as refusal:
            refusals.append(str(refusal))
    sys.exit("; or ".join(refusals))


def expect(holds, path, what, value):
    if not holds:
        sys.exit(f"{path}: expected {what}, got {value!r}")


def stripe_webhook(webhook):
    for secret in webhook["secrets"]:
        event = stripe.Webhook.construct_event(webhook["body"], webhook["signature"], secret, tolerance=10**9)
        expect(event.type == "checkout.session.completed", "webhook", "its type", event.type)
    try:
        stripe.Webhook.construct_event(webhook["body"], webhook["signature"], "whsec_another", tolerance=10**9)
    except stripe.SignatureVerificationError:
        print("ok    Stripe's library verifies the double's webhook with each secret of a rotation")
    else:
        sys.exit("Stripe's library verifies the webhook with any secret.")


def stripe_onramp(form, version, session):
    expect(version == stripe.api_version, "Stripe-Version", stripe.api_version, version)
    module = importlib.import_module("stripe.params.crypto._onramp_session_create_params")
    details = stripe.crypto.OnrampSession.TransactionDetails
    request = nested(form)
    # The parameter's type leaves the wallets out. The response's type has them by the same names.
    wallets = members(details.WalletAddresses)
    for name in request.pop("wallet_addresses"):
        expect(name in wallets, "wallet_addresses", f"one of {sorted(wallets)}", name)
    check_request(request, module.OnrampSessionCreateParams, module, "onramp session")
    print(f"ok    Stripe's preview library knows each of the {len(form)} parameters of our onramp session")
    expect(set(session) <= members(stripe.crypto.OnrampSession), "onramp session", "no other members", session)
    shown = session["transaction_details"]
    # Only Stripe's library for browsers documents `last_error`.
    expect(set(shown) <= members(details) | {"last_error"}, "transaction_details", "no other members", shown)
    expect(set(shown["wallet_addresses"]) <= wallets, "wallet_addresses", "no other members", shown)
    print("ok    Stripe's preview library knows each member of the double's onramp session")


def members(kind):
    return set(typing.get_type_hints(kind))


# -- Coinbase --------------------------------------------------------------------------------------------------------


def coinbase_request(request):
    from cdp.openapi_client import models as cdp  # not there beside the preview

    read = cdp.OnrampSessionRequest.from_dict(request)
    # What the library does not know, it leaves out.
    expect(read.to_dict() == request, "request", "no other members", request)
    print(f"ok    Coinbase's library knows each of the {len(request)} members of our request")


def coinbase_webhooks(webhooks):
    from cdp.openapi_client import models as cdp

    for body in webhooks:
        # The library has one type for the events of two products.
        read = cdp.OnrampTransactionEvent.from_dict(body).actual_instance
        known = {field.alias or name for name, field in type(read).model_fields.items()}
        expect(set(body) <= known, body["eventType"], "no other members", sorted(set(body) - known))
    print(f"ok    Coinbase's library reads the double's {len(webhooks)} kinds of webhooks")


main()
