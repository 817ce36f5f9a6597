#!/usr/bin/env python3
"""Deploys template.yaml on an emulator of CloudFormation, as an existing stack is updated: with one index, then with one
more in each update, then unchanged. What is there afterwards is compared with what the template says.

The emulator is MiniStack's. It knows no alarm on several metrics, so these are left out. It runs no function: the code is an
empty zip. Needs Python 3.11, and installs the rest into target/.
"""

import contextlib
import io
import os
import re
import socket
import subprocess
import sys
import time
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "target/emulator"
PACKAGES = ["ministack==1.5.33", "aws-sam-translator==1.103.0", "boto3==1.43.106"]
PATIENCE = 60  # seconds
INDEXES = ["watched-orders", "listed-sessions", "sessions-by-reference", "orders-by-creator"]
SECRET = "arn:aws:secretsmanager:eu-central-1:000000000000:secret:checkout-events-AbCdEf"


def main():
    python = FOLDER / "venv/bin/python"
    if Path(sys.prefix) != FOLDER / "venv":
        venv.create(FOLDER / "venv", with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *PACKAGES], check=True)
        os.execv(python, [str(python), *sys.argv])

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with emulator(port):
        deploy(port)


@contextlib.contextmanager
def emulator(port):
    home = FOLDER / "home"
    home.mkdir(parents=True, exist_ok=True)
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "TMPDIR": str(home),
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "LOG_LEVEL": "WARNING",
        "DOCKER_HOST": f"unix://{home}/none",
    }
    with (FOLDER / "emulator.log").open("w") as log:
        process = subprocess.Popen([FOLDER / "venv/bin/ministack"], cwd=home, env=environment, stdout=log, stderr=log)
        try:
            wait_for(port, process)
            yield
        finally:
            process.terminate()
            process.wait()


def wait_for(port, process):
    for _ in range(PATIENCE * 10):
        if process.poll() is not None:
            sys.exit(f"The emulator ended; {FOLDER}/emulator.log says why.")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.1)
    sys.exit("The emulator does not answer.")


def deploy(port):
    import boto3
    from botocore.exceptions import ClientError

    def client(service):
        keys = {"aws_access_key_id": "local", "aws_secret_access_key": "local"}
        return boto3.client(service, endpoint_url=f"http://127.0.0.1:{port}", region_name="eu-central-1", **keys)

    storage, stacks, database, lambdas = map(client, ["s3", "cloudformation", "dynamodb", "lambda"])
    storage.create_bucket(Bucket="code", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    storage.put_object(Bucket="code", Key="function.zip", Body=empty_function())
    # As `sam deploy` does: what a call carries itself has at most 51,200 bytes.
    storage.put_object(Bucket="code", Key="template.yaml", Body=deployable((ROOT / "template.yaml").read_text()))

    def stack(indexes):
        parameters = {"PaymentEventsSecretArn": SECRET, "Indexes": str(indexes)}
        return {
            "StackName": "checkout",
            "TemplateURL": f"http://127.0.0.1:{port}/code/template.yaml",
            "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
            "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        }

    def assert_done(expected, indexes):
        for _ in range(PATIENCE):
            [found] = stacks.describe_stacks(StackName="checkout")["Stacks"]
            if not found["StackStatus"].endswith("IN_PROGRESS"):
                break
            time.sleep(1)
        if found["StackStatus"] != expected:
            events = stacks.describe_stack_events(StackName="checkout")["StackEvents"]
            failed = [f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason')}" for event in events if "FAILED" in event["ResourceStatus"]]
            sys.exit(f"The stack is {found['StackStatus']} and not {expected}.\n" + "\n".join(failed))
        [table] = [output["OutputValue"] for output in found["Outputs"] if output["OutputKey"] == "TableName"]
        described = database.describe_table(TableName=table)["Table"]
        there = [index["IndexName"] for index in described["GlobalSecondaryIndexes"]]
        if there != INDEXES[:indexes]:
            sys.exit(f"With Indexes={indexes} the table has {there}.")
        print(f"Indexes={indexes}: {expected}, {', '.join(there)}")

    stacks.create_stack(**stack(1))
    assert_done("CREATE_COMPLETE", 1)
    for indexes in (2, 3, 4):
        stacks.update_stack(**stack(indexes))
        assert_done("UPDATE_COMPLETE", indexes)
    try:
        stacks.update_stack(**stack(4))
        sys.exit("The same template again is an update.")
    except ClientError as error:
        if "No updates" not in str(error):
            raise
        print("The same template again changes nothing.")

    functions = {folder.name for folder in (ROOT / "functions").iterdir() if folder.is_dir()}
    deployed = lambdas.list_functions()["Functions"]
    if len(deployed) != len(functions):
        sys.exit(f"{len(deployed)} functions are deployed, and {len(functions)} are in functions/.")
    print(f"{len(deployed)} functions are deployed.")


def empty_function():
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as files:
        files.writestr("bootstrap", "#!/bin/sh\n")
    return archive.getvalue()


def deployable(template):
    """The template with code that can be fetched, and without what the emulator does not know."""
    template = re.sub(r"CodeUri: functions/\S+", "CodeUri: s3://code/function.zip", template)
    resource = re.compile(r"^  (\w+):\n    Type: AWS::CloudWatch::Alarm\n.*?(?=^  \S|^\S)", re.MULTILINE | re.DOTALL)
    return resource.sub(lambda match: "" if "      Metrics:\n" in match[0] else match[0], template)


if __name__ == "__main__":
    main()
