#!/usr/bin/env python3
"""Checks what is deployed, and the commands in the documentation that deploy it.

- SAM's own translator turns template.yaml into CloudFormation. The result is checked for what the template only implies.
- Each `sam` command in README.md and docs/ goes through SAM CLI's own parsers: options exist, and every value of
  `--parameter-overrides` arrives whole and fits its parameter. The parser cuts a value at a quote or space without an
  error.
- `cargo lambda deploy --dry` packages a function, if `cargo lambda build` has built it.

Needs the Python packages of requirements.txt. Uses no network and no AWS credentials.
"""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
os.environ.setdefault("AWS_DEFAULT_REGION", "eu-central-1")
os.environ["SAM_CLI_TELEMETRY"] = "0"
os.chdir(ROOT)

from samcli.cli.types import CfnParameterOverridesType  # noqa: E402
from samcli.commands.local.invoke.cli import cli as local_invoke  # noqa: E402
from samcli.commands.local.lib.local_lambda import LocalLambdaRunner  # noqa: E402
from samcli.lib.providers.sam_function_provider import SamFunctionProvider  # noqa: E402
from samcli.lib.providers.sam_stack_provider import SamLocalStackProvider  # noqa: E402
from samcli.yamlhelper import yaml_parse  # noqa: E402
from samtranslator.parser.parser import Parser  # noqa: E402
from samtranslator.translator.translator import Translator  # noqa: E402

TEMPLATE = ROOT / "template.yaml"
DEPLOYING = "docs/deploying.md"
# An example of an ARN or another value that the reader has to insert.
PLACEHOLDER = re.compile(r"^[A-Z_]+$")
FUNCTIONS = sorted(folder.name for folder in (ROOT / "functions").iterdir() if folder.is_dir())


class Failed(Exception):
    """A failed check; its text is for the reader of the log."""


def ok(what):
    print(f"ok    {what}", flush=True)


def check(holds, what):
    if not holds:
        raise Failed(what)
    ok(what)


# -- The template ----------------------------------------------------------------------------------------------------


def transformed(parameters):
    """The CloudFormation that SAM makes of the template."""
    document = yaml_parse(TEMPLATE.read_text())
    for resource in document["Resources"].values():
        if isinstance(resource.get("Properties", {}).get("CodeUri"), str):
            resource["Properties"]["CodeUri"] = "s3://bucket/key"  # as `sam deploy` replaces it
    return Translator({}, Parser()).translate(document, parameters)


def of_type(resources, kind):
    return [resource["Properties"] for resource in resources.values() if resource["Type"] == kind]


def check_template():
    resources = transformed({})["Resources"]
    schedules = of_type(resources, "AWS::Scheduler::Schedule")
    check(
        len(schedules) == len(SCHEDULED) and all("Name" not in schedule for schedule in schedules),
        "no schedule has a fixed name, so a second stack can be deployed",
    )
    ages = [(runs["MaximumRetryAttempts"], runs["MaximumEventAgeInSeconds"]) for runs in of_type(resources, RUNS)]
    check(
        ages == [(0, 60)] * len(SCHEDULED),
        "Lambda repeats no failed run and keeps no run waiting for longer than a minute",
    )
    names = [
        f"{resource['Type']}.{name}"
        for resource in resources.values()
        for name in ("FunctionName", "RoleName", "TableName", "AlarmName", "TopicName", "PolicyName")
        if name in resource["Properties"] and resource["Type"] in NAMED
    ]
    check(not names, f"no resource has a name that is unique in an account {names or ''}".rstrip())
    for parameters, expected in [
        ({}, None),
        ({"AdditionalAllowedHeaders": "x-one,x-two"}, "sentry-trace,x-one,x-two"),
    ]:
        cors = transformed(parameters)["Resources"]["Api"]["Properties"]["Body"]["x-amazon-apigateway-cors"]
        # With a function other than !Ref in AllowOrigins, SAM silently drops all other members.
        members = {"allowOrigins", "allowHeaders", "allowMethods", "exposeHeaders", "maxAge"}
        check(set(cors) == members, f"the CORS configuration is whole, with {parameters or 'the defaults'}")
        [comma, joined] = cors["allowHeaders"]["Fn::Split"]
        *built_in, choice = joined["Fn::Join"][1]
        more = choice["Fn::If"][1]
        more = more["Fn::Sub"] if isinstance(more, dict) else more
        check(
            comma == "," and all(isinstance(name, str) for name in built_in) and choice["Fn::If"][2] == "sentry-trace",
            f"the CORS headers are one text that is split, with {parameters or 'the defaults'}",
        )
        if expected:
            check(more in (expected, "sentry-trace,${AdditionalAllowedHeaders}"), "AdditionalAllowedHeaders adds headers")


RUNS = "AWS::Lambda::EventInvokeConfig"
SCHEDULED = ("WatchCard", "WatchChain")
NAMED = {"AWS::Lambda::Function", "AWS::IAM::Role", "AWS::DynamoDB::Table", "AWS::CloudWatch::Alarm"}


# -- The documented commands -----------------------------------------------------------------------------------------


def documented_commands():
    """The command lines in the fenced blocks of the documentation, continued lines joined, as a shell splits them."""
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        for block in re.findall(r"^```sh\n(.*?)^```", path.read_text(), re.DOTALL | re.MULTILINE):
            for line in block.replace("\\\n", " ").splitlines():
                try:
                    words = shlex.split(line, comments=True)
                except ValueError:
                    continue  # a text over several lines, which no command of these has
                if words:
                    yield path.name, words


def overrides_of(words):
    """What follows --parameter-overrides, up to the next option."""
    values = []
    for word in words[words.index("--parameter-overrides") + 1 :]:
        if word.startswith("--"):
            break
        values.append(word)
    return values


def parsed(values):
    return CfnParameterOverridesType().convert(tuple(values), None, None)


def check_parameter_overrides():
    parameters = yaml_parse(TEMPLATE.read_text())["Parameters"]
    used = set()
    for file, words in documented_commands():
        if words[0] != "sam" or "--parameter-overrides" not in words:
            continue
        values = overrides_of(words)
        whole = dict(value.split("=", 1) for value in values)
        if parsed(values) != whole:
            raise Failed(f"{file}: SAM CLI reads {values} as {parsed(values)}")
        for name, value in whole.items():
            if name not in parameters:
                raise Failed(f"{file}: template.yaml has no parameter {name}")
            pattern = parameters[name].get("AllowedPattern")
            if pattern and not PLACEHOLDER.match(value) and not re.fullmatch(pattern, value):
                raise Failed(f"{file}: {name}={value} does not match {pattern}")
        used |= set(whole)
        ok(f"{file}: {' '.join(values)}")
    check("Chains" in used, "the documentation shows how to deploy chains")

    source = (ROOT / "dev/src/chains.rs").read_text()
    [printed] = re.findall(r'format!\("(sam deploy --parameter-overrides [^"]*)"\)', source)
    values = overrides_of(shlex.split(printed.replace("{revision}", "4000000000")))
    check(parsed(values) == {"Chains": "table:4000000000"}, "the command that `cargo dev chains put` prints arrives whole")

    pattern = parameters["Chains"]["AllowedPattern"]
    chains = json.dumps([{"chainId": 8453, "tokens": ["0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913"], "finality": "safe"}])
    for spelled in (chains, chains.replace(" ", ""), chains.replace('"', '\\"')):
        cut = parsed([f"Chains={spelled}"])["Chains"]
        check(cut != spelled and not re.fullmatch(pattern, cut), f"the pattern of Chains refuses a cut value: {cut!r}")
    for value in ("", "table:1", "table:4000000000", chains):
        check(re.fullmatch(pattern, value) is not None, f"the pattern of Chains accepts {value[:30]!r}")
    for value in ("table:0", "table:", "3", "[{"):
        check(re.fullmatch(pattern, value) is None, f"the pattern of Chains refuses {value!r}")


def check_local_invocations():
    """Each function has its lines in DEPLOYING: an event that succeeds, and an invocation that reaches the engine."""
    text = (ROOT / DEPLOYING).read_text()
    variables = json.loads((ROOT / "dev/sam-local.json").read_text())["Parameters"]
    host = re.search(r"//([^:]+):8000$", variables["AWS_ENDPOINT_URL_DYNAMODB"])[1]
    for function in FUNCTIONS:
        resource = "".join(word.capitalize() for word in function.split("-"))
        event = f"cargo dev event {function} > event.json"
        command = next((words for _, words in documented_commands() if invokes(words, resource)), None)
        if event not in text or command is None:
            raise Failed(f"{DEPLOYING} must have `{event}` and a `sam local invoke {resource}`")
        options = local_invoke.make_context("invoke", command[command.index("invoke") + 1 :]).params
        if (options["event"], options["env_vars"]) != ("event.json", "dev/sam-local.json"):
            raise Failed(f"{DEPLOYING}: {' '.join(command)} uses other files")
        if options["add_host"] != {host: "host-gateway"}:
            raise Failed(f"{DEPLOYING}: {' '.join(command)} does not make {host} known in the container")
        if options["parameter_overrides"] != {"Architecture": "$ARCH"}:
            raise Failed(f"{DEPLOYING}: {' '.join(command)} may run another instruction set than this machine's")
        ok(f"{DEPLOYING}: {event}; sam local invoke {resource}")
    # The variables of each container, as SAM CLI makes them of template and file.
    stacks, _ = SamLocalStackProvider.get_stacks(str(TEMPLATE))
    provider = SamFunctionProvider(stacks)
    runner = LocalLambdaRunner(None, provider, str(ROOT), str(ROOT), env_vars_values={"Parameters": variables})
    given = {function.name: runner._make_env_vars(function).resolve() for function in provider.get_all()}
    common = ("TABLE_NAME", "AWS_ENDPOINT_URL_DYNAMODB")
    for name, values in given.items():
        if any(values[variable] != variables[variable] for variable in common):
            raise Failed(f"sam local does not give {name} the variables of dev/sam-local.json: {values}")
    check(
        len(given) == len(FUNCTIONS)
        and given["RecordOrderEvent"]["PAYMENT_EVENTS_SECRET"] == variables["PAYMENT_EVENTS_SECRET"]
        and given["WatchChain"]["CHAIN_SECRET"] == variables["CHAIN_SECRET"]
        and not given["WatchChain"]["CHAINS"],
        "sam local gives each function the variables of dev/sam-local.json",
    )
    check("--engine-host 0.0.0.0 --engine-port 8000" in text, f"{DEPLOYING} opens the engine to containers")


def invokes(words, resource):
    return words[:3] == ["sam", "local", "invoke"] and resource in words


# -- One function by cargo-lambda ------------------------------------------------------------------------------------


def check_cargo_lambda():
    documented = [words for _, words in documented_commands() if words[:3] == ["cargo", "lambda", "deploy"]]
    check(bool(documented), "the documentation shows how to deploy one function by cargo-lambda")
    [function] = {words[words.index("--binary-name") + 1] for words in documented}
    if not (ROOT / "target/lambda" / function / "bootstrap").is_file():
        print(f"NOT CHECKED: cargo lambda deploy. {function} is not built.")
        return
    for words in documented:
        command = [*(word.replace("$NAME", "checkout-sessions-GetOrder-AbCdEfGh") for word in words)]
        command += [] if "--dry" in command else ["--dry"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        if done.returncode or "bootstrap" not in done.stdout + done.stderr:
            raise Failed(f"{' '.join(command)} ended with code {done.returncode}:\n{done.stdout}{done.stderr}")
        ok(" ".join(command))


def main():
    try:
        check_template()
        check_parameter_overrides()
        check_local_invocations()
        check_cargo_lambda()
    except Failed as failure:
        sys.exit(f"deployment: FAILED: {failure}")


if __name__ == "__main__":
    main()
