"""Where a subnet lies."""

from diarize_runner.fleet.aws import Aws


def zone_of(aws: Aws, subnet: str) -> str:
    """Return the availability zone of a subnet; raise FleetError when there is none of that id."""
    (found,) = aws.ask("ec2", "describe_subnets", SubnetIds=[subnet])["Subnets"]
    return str(found["AvailabilityZone"])
