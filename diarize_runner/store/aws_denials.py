"""Find in the message of an AWS refusal what decided: the action, the resource and the kind of policy.

An error code alone misleads: AccessDenied of s3:PutObject may be a denial of kms:GenerateDataKey. Only these parts of
a message are printed, since others may hold secrets. The messages' forms:
https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
"""

import re
from dataclasses import dataclass

_ARN = r"arn:[\w./:*+=,@-]{1,300}"
_ACTION = re.compile(r"not authorized to perform:?\s+([a-z][a-z0-9-]*:[A-Za-z]+)", re.IGNORECASE)
_RESOURCE = re.compile(rf'on resource:\s*"?({_ARN})')
_POLICY = r"([A-Za-z -]{3,40}?(?:policy|policies|boundary))"
_NOT_ALLOWED = re.compile(rf"\bno {_POLICY} allows?\b", re.IGNORECASE)
_EXPLICIT_DENY = re.compile(rf"\bexplicit deny in an? {_POLICY}(?::\s*({_ARN}))?", re.IGNORECASE)
_UNUSABLE_KEY = re.compile(r"ciphertext refers to a customer master key", re.IGNORECASE)
"""S3 sends it for an object whose key these credentials may not use, or that is gone."""

_HINTS_BY_POLICY = {
    "service control policy": "ask the administrator of the AWS organization to allow {action}",
    "resource control policy": "ask the administrator of the AWS organization to allow {action}",
    "permissions boundary": "allow {action} in the permissions boundary of the role",
    "session policy": "allow {action} in the session policy of the assumed role",
    "vpc endpoint policy": "allow {action} in the policy of the VPC endpoint",
}
_HINTS_BY_SERVICE = {
    "kms": "allow {action} in the role's policy and in the policy of the KMS key",
    "sts": "check AWS_ROLE_ARN, and name this identity in the trust policy of the role",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Denial:
    """What a refusal says about its cause."""

    action: str
    """Such as `kms:GenerateDataKey`."""
    resource: str = ""
    """An ARN, or empty."""
    policy: str = ""
    """The kind of policy that decided, or empty."""
    explicit_in: str = ""
    """How an explicit deny is described, or empty if no policy allows the action."""

    @property
    def sentence(self) -> str:
        """Return what is wrong."""
        what = f"{self.action} on {self.resource}" if self.resource else self.action
        if self.explicit_in:
            return f"{what} is denied: explicit deny in a {self.explicit_in}"
        return f"{what} is denied: no {self.policy} allows it" if self.policy else f"{what} is denied"

    def hint(self, default: str) -> str:
        """Return what to do; `default` is the hint for a missing permission of the service itself."""
        template = _HINTS_BY_POLICY.get(self.policy.lower()) or _HINTS_BY_SERVICE.get(self.action.partition(":")[0])
        if not template and self.explicit_in:
            template = "remove the deny of {action} from the " + self.policy
        return template.format(action=self.action) if template else default


def find_denial(message: str) -> Denial | None:
    """Return what the message says about a denied action, or None."""
    action = _ACTION.search(message)
    if not action:
        return Denial(action="kms:Decrypt") if _UNUSABLE_KEY.search(message) else None
    resource = _RESOURCE.search(message)
    policy, explicit_in = _find_policy(message)
    return Denial(
        action=action[1],
        resource=resource[1].rstrip(".,") if resource else "",
        policy=policy,
        explicit_in=explicit_in,
    )


def _find_policy(message: str) -> tuple[str, str]:
    if denied := _EXPLICIT_DENY.search(message):
        policy, arn = denied[1], (denied[2] or "").rstrip(".,")
        return policy, f"{policy} ({arn})" if arn else policy
    missing = _NOT_ALLOWED.search(message)
    return (missing[1].replace("policies", "policy"), "") if missing else ("", "")
