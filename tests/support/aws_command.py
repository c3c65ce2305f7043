"""Stands in for the AWS CLI: runs an operation with boto3, whose models define the CLI's options; copies objects."""

import json
import sys
from pathlib import Path
from urllib.parse import urlsplit

import boto3
from botocore import xform_name


def main(service, operation, *words):
    if service == "s3":
        copy(*[word for word in words if not word.startswith("--")])
        return
    client = boto3.client("s3" if service == "s3api" else service)
    model = client.meta.service_model
    (name,) = [name for name in model.operation_names if xform_name(name, "-") == operation]
    members = {f"--{xform_name(member, '-')}": (member, shape) for member, shape in shapes(model, name)}
    parameters = {}
    for option, values in grouped(words):
        member, shape = members[option]
        parameters[member] = value_of(values, shape)
    getattr(client, xform_name(name))(**parameters)


def shapes(model, name):
    return model.operation_model(name).input_shape.members.items()


def grouped(words):
    """Yield each option with its values."""
    starts = [at for at, word in enumerate(words) if word.startswith("--")]
    for start, end in zip(starts, [*starts[1:], len(words)], strict=True):
        yield words[start], words[start + 1 : end]


def value_of(values, shape):
    if shape.type_name == "list":
        return list(values)
    if shape.type_name == "boolean":
        return True
    (value,) = values
    if value.startswith("file://"):
        value = Path(value.removeprefix("file://")).read_text()
    return value if shape.type_name == "string" else json.loads(value)


def copy(source, target):
    """Copy an object to a file, or to stdout, as `aws s3 cp` does."""
    address = urlsplit(source)
    body = boto3.client("s3").get_object(Bucket=address.netloc, Key=address.path.lstrip("/"))["Body"].read()
    if target == "-":
        sys.stdout.buffer.write(body)
    else:
        Path(target).write_bytes(body)


main(*sys.argv[1:])
