"""What EC2, the Parameter Store and the Price List refuse with: a sentence and a hint.

What a server says is repeated only where no code here tells more: a refused signature is answered with the request that
was signed.
"""

from diarize_runner.store.aws_errors import REFUSED, by_code

CODES = "https://docs.aws.amazon.com/ec2/latest/devguide/errors-overview.html"
"""What EC2's codes mean."""
_G_QUOTA = "a g4dn.xlarge takes 4 of them. Ask for more under Service Quotas, EC2"

REFUSED_BY_CODE = REFUSED | by_code(
    {
        ("UnauthorizedOperation", "AccessDenied", "AccessDeniedException"): (
            "you are not allowed to",
            "docs/aws/launcher-policy.json allows all of it; iam:PassRole must name the role of --instance-profile",
        ),
        ("InsufficientInstanceCapacity",): (
            "AWS has no such machine free in that zone now",
            "take a --subnet in another zone, another --instance-type, on demand for --spot or the other way round",
        ),
        ("Unsupported",): (
            "AWS has no such machine in that zone at all",
            "aws ec2 describe-instance-type-offerings --location-type availability-zone lists who has what",
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
            "an --ami is of one region; --ami-parameter names the same image in every region",
        ),
        ("ParameterNotFound", "ParameterVersionNotFound"): (
            "there is no such parameter in this region",
            "aws ssm get-parameters-by-path --recursive --path /aws/service/deeplearning/ami/x86_64",
        ),
        ("InvalidSubnetID.NotFound", "InvalidSubnetId.Malformed", "InvalidSubnetID.Malformed"): (
            "there is no such subnet in this region",
            "aws ec2 describe-subnets",
        ),
        ("InsufficientFreeAddressesInSubnet",): (
            "the subnet has too few free addresses",
            "take another --subnet",
        ),
        ("InvalidGroup.NotFound", "InvalidGroupId.Malformed", "InvalidSecurityGroupID.NotFound"): (
            "there is no such security group in the subnet's VPC",
            "aws ec2 describe-security-groups",
        ),
        ("InvalidKeyPair.NotFound",): (
            "there is no such key pair in this region",
            "aws ec2 describe-key-pairs; --ssm needs none",
        ),
        ("OperationNotPermitted",): (
            "a box is protected from being terminated",
            "aws ec2 modify-instance-attribute --no-disable-api-termination --instance-id ...",
        ),
    }
)
