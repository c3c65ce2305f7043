"""Ask the EC2 instance metadata service for the instance type, if the user requests it."""

import re
import urllib.request

_ADDRESS = "http://169.254.169.254/latest"
_SECONDS = 1.0
_TYPE = re.compile(r"[a-z0-9-]+\.[a-z0-9-]+")


def fetch_instance_type(address: str = _ADDRESS) -> str | None:
    """Return a type such as `g4dn.xlarge`, or None without an answer within a second; IMDSv2, no proxy."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    headers = {"X-aws-ec2-metadata-token-ttl-seconds": "60"}
    try:
        request = urllib.request.Request(f"{address}/api/token", method="PUT", headers=headers)  # noqa: S310
        with opener.open(request, timeout=_SECONDS) as response:
            token = response.read(1024).decode("ascii")
        headers = {"X-aws-ec2-metadata-token": token}
        request = urllib.request.Request(f"{address}/meta-data/instance-type", headers=headers)  # noqa: S310
        with opener.open(request, timeout=_SECONDS) as response:
            instance_type = response.read(1024).decode("ascii")
    except (OSError, ValueError):
        return None
    return instance_type if _TYPE.fullmatch(instance_type) else None
