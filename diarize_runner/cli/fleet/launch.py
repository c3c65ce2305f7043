"""`scripts/launch_box.py launch`: bring a fleet up to so many boxes."""

import argparse

from diarize_runner.cli.fleet.launch_plan import planned
from diarize_runner.cli.fleet.options import add_fleet_options
from diarize_runner.cli.options import Commands, add_command
from diarize_runner.cli.output import Result
from diarize_runner.fleet.aws import Aws
from diarize_runner.fleet.images import DEFAULT_PARAMETER, find_image, image_named_by
from diarize_runner.fleet.inventory import as_listed, as_yaml
from diarize_runner.fleet.launch import Launched, LaunchPlan, launch, plan_launch
from diarize_runner.fleet.order import LEAST_GIB, Order
from diarize_runner.fleet.pace import Pace
from diarize_runner.fleet.user_data import user_data
from diarize_runner.progress import Progress


def add_parser(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(commands, "launch", run, "launch what a fleet lacks of --count boxes; print their inventory")
    add_fleet_options(parser)
    _add_machine_options(parser)
    _add_network_options(parser)
    _add_image_options(parser)
    parser.add_argument("--store", required=True, metavar="STORE", help="s3://bucket/prefix or https://host/prefix")
    parser.add_argument("--plan", action="store_true", help="say what would be made and what it costs; make nothing")


def _add_machine_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("machine")
    group.add_argument("--count", type=int, default=1, metavar="N", help="how many boxes the fleet is to have")
    group.add_argument("--instance-type", default="g4dn.xlarge", metavar="TYPE", help="default: %(default)s")
    described = "a machine that AWS may take back at two minutes' notice"
    group.add_argument("--spot", action="store_const", const="spot", default="on-demand", dest="market", help=described)
    described = "role that lets a box read the store"
    group.add_argument("--instance-profile", required=True, metavar="NAME", help=described)
    described = f"encrypted gp3 (default: {LEAST_GIB}, or what the image needs)"
    group.add_argument("--volume-gib", type=int, metavar="N", help=described)
    described = "what becomes of a box that is shut down from inside (default: %(default)s)"
    group.add_argument("--on-shutdown", choices=("terminate", "stop"), default="terminate", help=described)


def _add_network_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("network and access")
    group.add_argument("--subnet", required=True, metavar="ID")
    described = "may be given more than once (default: the VPC's own)"
    group.add_argument("--security-group", action="append", default=[], metavar="ID", help=described)
    group.add_argument("--public-ip", action="store_true", help="give each box a public address")
    group.add_argument("--key", metavar="NAME", help="key pair that ssh logs in with")
    described = "reach boxes by the Systems Manager: no open port, and without --key no key pair"
    group.add_argument("--ssm", action="store_const", const="ssm", default="address", dest="reach", help=described)


def _add_image_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("image").add_mutually_exclusive_group()
    group.add_argument("--ami", metavar="ID", help="an image of the region")
    described = "a parameter of the Parameter Store that names one (default: %(default)s)"
    group.add_argument("--ami-parameter", default=DEFAULT_PARAMETER, metavar="PATH", help=described)


def run(arguments: argparse.Namespace, progress: Progress) -> Result:
    """Launch, or say what it would make."""
    script = user_data(arguments.store)
    aws = Aws.of(profile=arguments.profile, region=arguments.region)
    plan = plan_launch(aws, _order(arguments, aws, script))
    if arguments.plan:
        return planned(aws, plan)
    return _launched(plan, launch(aws, plan, Pace(), progress))


def _order(arguments: argparse.Namespace, aws: Aws, script: str) -> Order:
    image = find_image(aws, arguments.ami) if arguments.ami else image_named_by(aws, arguments.ami_parameter)
    return Order(
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
        volume_gib=arguments.volume_gib or max(LEAST_GIB, image.least_gib),
        on_shutdown=arguments.on_shutdown,
        user_data=script,
    )


def _launched(plan: LaunchPlan, launched: Launched) -> Result:
    document: dict[str, object] = {
        "changed": bool(launched.new),
        "fleet": plan.order.fleet,
        "boxes": [box.id for box in launched.boxes],
        "launched": [box.id for box in launched.new],
        "missing": launched.missing,
        "inventory": as_listed(launched.boxes),
    }
    text: tuple[str, ...] = (
        f"{plan.order.fleet}: boxes launched: {len(launched.new)}, running and well: {len(launched.boxes)}",
    )
    if launched.missing:
        text += (
            f"error: AWS launched {len(launched.new)} of the {plan.lacking} boxes that were lacking",
            "hint: launch again later, with another --subnet or --instance-type, or terminate",
        )
    return Result(document=document, text=text, data=as_yaml(launched.boxes), exit_code=1 if launched.missing else 0)
