"""Error codes of EC2, the Parameter Store and the Price List: a message and a hint for each.

The server's own message is printed only for other codes, with secrets masked, since some repeat the signed request.
"""

from diarize_runner.store.aws_errors import REFUSED, expand_codes

CODES = "https://docs.aws.amazon.com/ec2/latest/devguide/errors-overview.html"
"""The list of EC2's error codes."""
_G_QUOTA = "request more vCPUs (a g4dn.xlarge has 4) under Service Quotas, EC2"

GRANTS = "attach docs/aws/launcher-policy.json; its iam:PassRole must name the role of --instance-profile"
"""The hint for a permission that a launch needs."""

REFUSED_BY_CODE = REFUSED | expand_codes(
    {
        ("UnauthorizedOperation", "AccessDenied", "AccessDeniedException"): (
            "access denied",
            GRANTS,
        ),
        ("AuthFailure.ServiceLinkedRoleCreationNotPermitted",): (
            "the account lacks the service-linked role for spot boxes",
            "run as an administrator: aws iam create-service-linked-role --aws-service-name spot.amazonaws.com",
        ),
        ("InsufficientInstanceCapacity",): (
            "the zone has no capacity left for this instance type",
            "use a --subnet in another zone or another --instance-type, or add or drop --spot",
        ),
        ("Unsupported",): (
            "the zone does not offer this instance type",
            "run: aws ec2 describe-instance-type-offerings --location-type availability-zone",
        ),
        ("VcpuLimitExceeded", "InstanceLimitExceeded"): (
            "the account's quota of vCPUs is used up",
            f"{_G_QUOTA}, Running On-Demand G and VT instances",
        ),
        ("MaxSpotInstanceCountExceeded",): (
            "the account's quota of vCPUs on spot is used up",
            f"{_G_QUOTA}, All G and VT Spot Instance Requests",
        ),
        ("InvalidAMIID.NotFound", "InvalidAMIID.Malformed", "InvalidAMIID.Unavailable"): (
            "there is no such image in this region",
            "use an --ami of this region, or --ami-parameter, which exists in every region",
        ),
        ("ParameterNotFound", "ParameterVersionNotFound"): (
            "there is no such parameter in this region",
            "run: aws ssm get-parameters-by-path --recursive --path /aws/service/deeplearning/ami/x86_64",
        ),
        ("InvalidSubnetID.NotFound", "InvalidSubnetId.Malformed", "InvalidSubnetID.Malformed"): (
            "there is no such subnet in this region",
            "run: aws ec2 describe-subnets",
        ),
        ("InsufficientFreeAddressesInSubnet",): (
            "the subnet has too few free addresses",
            "use another --subnet",
        ),
        ("InvalidGroup.NotFound", "InvalidGroupId.Malformed", "InvalidSecurityGroupID.NotFound"): (
            "there is no such security group in the subnet's VPC",
            "run: aws ec2 describe-security-groups",
        ),
        ("InvalidKeyPair.NotFound",): (
            "there is no such key pair in this region",
            "run: aws ec2 describe-key-pairs; or pass --ssm, which needs no key pair",
        ),
        ("OperationNotPermitted",): (
            "a box has termination protection",
            "run: aws ec2 modify-instance-attribute --no-disable-api-termination --instance-id ...",
        ),
    }
)
