"""Every command of docs/aws.md runs: against moto, with stand-ins for the AWS CLI, sudo, Packer and Ansible."""

import base64
import json
import os
import re
import subprocess
import sys
from dataclasses import replace

import pytest
from support.bootstrap import SCRIPT, write_store
from support.command import ROOT
from support.ec2 import IMAGE_PARAMETER, asks_for
from support.web import changed

from diarize_runner.fleet.host_keys import BEGIN, END

TEXT = (ROOT / "docs/aws.md").read_text()
BLOCKS = re.findall(r"^```sh\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
PREFIX = "team/prod"
PUBLIC_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
PYTHON = sys.executable

PROGRAMS = {
    "bin/aws": f'exec {PYTHON} {ROOT}/tests/support/aws_command.py "$@"',
    "bin/sudo": 'exec "$@" --prefix "$HOME/box"',
    "bin/packer": 'for file; do :; done; test -f "$file"; command -v ansible-playbook; printf "%s\\n" "$@" >packed',
    ".venv/bin/ansible-playbook": f'exec {ROOT}/.venv/bin/ansible-playbook --list-hosts "$@" >>listed',
    "scripts/launch_box.py": f"""\
case "$*" in launch*) set -- "$@" --ami-parameter {IMAGE_PARAMETER} ;; *--plan) ;; terminate*) set -- "$@" --yes ;; esac
exec {PYTHON} {ROOT}/scripts/launch_box.py "$@\"""",
    "scripts/inventory_ec2.py": f'exec {PYTHON} {ROOT}/scripts/inventory_ec2.py "$@"',
}


@pytest.fixture
def resources(account):
    """The names on the page, and what moto has instead."""
    ec2 = account.client()
    vpc = ec2.describe_subnets(SubnetIds=[account.subnet])["Subnets"][0]["VpcId"]
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    group = ec2.create_security_group(GroupName="boxes-of-the-page", Description="boxes", VpcId=vpc)["GroupId"]
    return {
        "vpc-...": vpc,
        "rtb-...": table,
        "subnet-...": account.subnet,
        "sg-...": group,
        "|prod|": f"|{PREFIX}|",
    } | {"my-models/prod": f"my-models/{PREFIX}"}


@pytest.fixture
def clone(tmp_path, account):
    """A folder with the documents and playbooks, the stand-ins, and a bucket with a version."""
    folder = tmp_path / "clone"
    for name, script in PROGRAMS.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"#!/bin/sh\nset -e\n{script}\n")
        (folder / name).chmod(0o755)
    for name in ("docs", "playbooks", "roles", "ansible.cfg"):
        (folder / name).symlink_to(ROOT / name)
    s3, store = account.client("s3"), write_store(tmp_path / "store")
    (store / "latest/bootstrap.sh").write_bytes(SCRIPT)
    s3.create_bucket(Bucket="my-models")
    for path in store.rglob("*.*"):
        if path.is_file():
            s3.put_object(Bucket="my-models", Key=f"{PREFIX}/{path.relative_to(store)}", Body=path.read_bytes())
    return folder


def run(block, clone):
    path = f"{clone}/bin:{os.environ['PATH']}"
    variables = {**os.environ, "PATH": path, "HOME": str(clone.parent), "TMPDIR": str(clone.parent)}
    ran = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block], cwd=clone, env=variables, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, f"{block}\n{ran.stdout}{ran.stderr}"


def shows_host_keys(answer):
    console = base64.b64encode(f"{BEGIN}\r\n{PUBLIC_KEY}\r\n{END}\r\n".encode())
    return replace(answer, body=re.sub(rb"(<output>).*(</output>)", rb"\1" + console + rb"\2", answer.body))


@pytest.mark.long
def test_every_command_of_the_page_runs(clone, resources, account, ec2, prices, monkeypatch):
    ec2.fails(changed(shows_host_keys), times=9, when=asks_for("GetConsoleOutput"))
    launched = []

    for block in BLOCKS:
        run(re.sub("|".join(map(re.escape, resources)), lambda name: resources[name[0]], block), clone)
        if "put-bucket-policy" in block:  # moto ignores its conditions, and would deny everything
            account.client("s3").delete_bucket_policy(Bucket="my-models")
        launched.append(account.running("nightly"))

    assert_policies_have_no_placeholder(clone / "policies")
    policy = account.client("iam").get_role_policy(RoleName="diarize-box", PolicyName="read-the-store")[
        "PolicyDocument"
    ]
    assert policy["Statement"][0]["Resource"] == f"arn:aws:s3:::my-models/{PREFIX}/*"
    assert (clone.parent / "box/opt/diarize-runner/receipt.json").exists()
    assert (max(map(len, launched)), launched[-1]) == (3, [])
    assert (clone / "nightly.known_hosts").read_text().count(PUBLIC_KEY) == 3
    assert (clone / "listed").read_text().count("pattern: ['diarize_boxes']\n    hosts (3):") == 2
    assert f"store=s3://my-models/{PREFIX}" in (clone / "packed").read_text().split()


def assert_policies_have_no_placeholder(folder):
    policies = {path.name: json.loads(path.read_text()) for path in folder.iterdir()}
    assert set(policies) == {path.name for path in (ROOT / "docs/aws").glob("*.json")}
    assert re.findall(r"\b(?:ACCOUNT|BUCKET|PREFIX|ROLE|ENDPOINT)\b", json.dumps(policies)) == []


def test_every_line_of_a_block_is_a_command_that_the_test_runs():
    assert len(BLOCKS) == TEXT.count("```sh")
    assert len(BLOCKS) > 8
