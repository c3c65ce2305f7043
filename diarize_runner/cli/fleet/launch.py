"""`scripts/launch_box.py launch`: launch the boxes that a fleet lacks."""

import argparse

from diarize_runner.cli.fleet.launch_plan import plan_result
from diarize_runner.cli.fleet.options import add_fleet_options
from diarize_runner.cli.output import Result
from diarize_runner.fleet.aws import Aws
from diarize_runner.fleet.fleet_spec import MIN_VOLUME_GIB, FleetSpec
from diarize_runner.fleet.images import DEFAULT_PARAMETER, find_image, image_from_parameter
from diarize_runner.fleet.inventory import as_list_output, as_yaml
from diarize_runner.fleet.launch import LaunchPlan, LaunchResult, launch, plan_launch
from diarize_runner.fleet.poll_policy import PollPolicy
from diarize_runner.fleet.user_data import user_data
from diarize_runner.progress import Progress


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `launch`."""
    add_fleet_options(parser)
    _add_machine_options(parser)
    _add_network_options(parser)
    _add_image_options(parser)
    parser.add_argument("--store", required=True, metavar="STORE", help="s3://bucket/prefix or https://host/prefix")
    parser.add_argument("--plan", action="store_true", help="print the request and its price; launch nothing")


def _add_machine_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("machine")
    group.add_argument("--count", type=int, default=1, metavar="N", help="boxes in the fleet (default: %(default)s)")
    group.add_argument("--instance-type", default="g4dn.xlarge", metavar="TYPE", help="default: %(default)s")
    text = "launch spot instances, which AWS may reclaim at two minutes' notice"
    group.add_argument("--spot", action="store_const", const="spot", default="on-demand", dest="market", help=text)
    text = "instance profile whose role may read the store"
    group.add_argument("--instance-profile", required=True, metavar="NAME", help=text)
    text = f"size of the encrypted gp3 root volume (default: {MIN_VOLUME_GIB}, or more if the image needs it)"
    group.add_argument("--volume-gib", type=int, metavar="N", help=text)
    text = "action when a box shuts itself down (default: %(default)s)"
    group.add_argument("--on-shutdown", choices=("terminate", "stop"), default="terminate", help=text)


def _add_network_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("network and access")
    group.add_argument("--subnet", required=True, metavar="ID")
    text = "may be repeated (default: the VPC's default group)"
    group.add_argument("--security-group", action="append", default=[], metavar="ID", help=text)
    group.add_argument("--public-ip", action="store_true", help="give each box a public address")
    group.add_argument("--key", metavar="NAME", help="key pair for ssh")
    text = "connect through Systems Manager, which needs no open port and no key pair"
    group.add_argument("--ssm", action="store_const", const="ssm", default="address", dest="reach", help=text)


def _add_image_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("image").add_mutually_exclusive_group()
    group.add_argument("--ami", metavar="ID", help="image in the region")
    text = "Parameter Store parameter that names the image (default: %(default)s)"
    group.add_argument("--ami-parameter", default=DEFAULT_PARAMETER, metavar="PATH", help=text)


def run(arguments: argparse.Namespace, progress: Progress) -> Result:
    """Launch the fleet, or print the plan."""
    script = user_data(arguments.store)
    aws = Aws.of(profile=arguments.profile, region=arguments.region)
    plan = plan_launch(aws, _fleet_spec(arguments, aws, script))
    if arguments.plan:
        return plan_result(aws, plan)
    return _launch_result(plan, launch(aws, plan, PollPolicy(), progress))


def _fleet_spec(arguments: argparse.Namespace, aws: Aws, script: str) -> FleetSpec:
    image = find_image(aws, arguments.ami) if arguments.ami else image_from_parameter(aws, arguments.ami_parameter)
    return FleetSpec(
        fleet=arguments.name,
        count=arguments.count,
        instance_type=arguments.instance_type,
        market=arguments.market,
        image=image,
        subnet=arguments.subnet,
        security_groups=tuple(arguments.security_group),
        public_address=arguments.public_ip,
        instance_profile=arguments.instance_profile,
        key=arguments.key,
        reach=arguments.reach,
        volume_gib=arguments.volume_gib or max(MIN_VOLUME_GIB, image.min_gib),
        on_shutdown=arguments.on_shutdown,
        user_data=script,
    )


def _launch_result(plan: LaunchPlan, launched: LaunchResult) -> Result:
    document: dict[str, object] = {
        "changed": bool(launched.new),
        "fleet": plan.spec.fleet,
        "boxes": [box.id for box in launched.boxes],
        "launched": [box.id for box in launched.new],
        "missing": launched.missing,
        "inventory": as_list_output(launched.boxes),
    }
    text: tuple[str, ...] = (
        f"{plan.spec.fleet}: boxes launched: {len(launched.new)}, running and healthy: {len(launched.boxes)}",
    )
    if launched.missing:
        text += (
            f"error: AWS launched {len(launched.new)} of {plan.to_launch} boxes",
            "hint: launch again later, or with another --subnet or --instance-type; or terminate",
        )
    return Result(document=document, text=text, data=as_yaml(launched.boxes), exit_code=1 if launched.missing else 0)
