"""Find the zone of a subnet."""

from diarize_runner.fleet.aws import Aws


def zone_of(aws: Aws, subnet: str) -> str:
    """Return the availability zone of a subnet; raise FleetError when it does not exist."""
    (found,) = aws.call("ec2", "describe_subnets", SubnetIds=[subnet])["Subnets"]
    return str(found["AvailabilityZone"])
