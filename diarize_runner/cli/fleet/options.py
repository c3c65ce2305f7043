"""Options of all fleet commands."""

import argparse


def add_fleet_options(parser: argparse.ArgumentParser) -> None:
    """Add `--name`, `--region` and `--profile`."""
    parser.add_argument("--name", required=True, metavar="FLEET", help="fleet name, the tag of its boxes")
    parser.add_argument("--region", help="default: AWS_DEFAULT_REGION, or the profile's")
    parser.add_argument("--profile", help="default: AWS_PROFILE")
