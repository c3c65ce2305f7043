"""AWS as one account sees it in one region. Nothing else of the fleet imports boto3.

Credentials, profile, region and endpoint are found by boto3, where everybody keeps them: AWS_PROFILE, ~/.aws and so on.
"""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Literal

from boto3.session import Session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from diarize_runner.errors import FleetError, UsageError
from diarize_runner.fleet.aws_refusals import CODES, REFUSED_BY_CODE
from diarize_runner.store import aws_errors
from diarize_runner.version import __version__

Service = Literal["ec2", "ssm", "pricing"]
Answer = Mapping[str, Any]
"""What AWS answers, as boto3 parses it."""

# Prices of every region are told by these alone:
# https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/using-price-list-query-api.html
_PRICE_LIST_REGION = "us-east-1"
_CONFIG = Config(
    connect_timeout=10,
    read_timeout=60,
    retries={"mode": "standard", "total_max_attempts": 5},
    user_agent_extra=f"diarize-runner/{__version__}",
)


class Aws:
    """Asks AWS; raises FleetError for whatever it refuses."""

    def __init__(self, session: Session, region: str) -> None:
        self.region = region
        self._session = session
        self._clients: dict[str, Any] = {}

    @classmethod
    def of(cls, *, profile: str | None, region: str | None) -> "Aws":
        """Return AWS for a profile and a region, or for those that boto3 finds.

        Raises FleetError when boto3's configuration makes no sense, UsageError when no region is named.
        """
        with _errors("boto3"):
            session = Session(profile_name=profile, region_name=region)
            found = session.region_name
        if not found:
            raise UsageError("no region is named", hint="--region us-east-1, or AWS_DEFAULT_REGION")
        return cls(session, found)

    def ask(self, service: Service, operation: str, **parameters: object) -> Answer:
        """Return the answer, of all pages where there are several."""
        client = self._client(service)
        with self._errors_of(service, operation):
            if client.can_paginate(operation):
                answer: Answer = client.get_paginator(operation).paginate(**parameters).build_full_result()
            else:
                answer = getattr(client, operation)(**parameters)
            return answer

    def rehearse(self, operation: str, **parameters: object) -> None:
        """Ask EC2 whether it would let us; raise what it would refuse with."""
        client = self._client("ec2")
        with self._errors_of("ec2", operation):
            try:
                getattr(client, operation)(DryRun=True, **parameters)
            except ClientError as reason:
                if reason.response["Error"]["Code"] != "DryRunOperation":
                    raise

    def _client(self, service: Service) -> Any:
        if service not in self._clients:
            region = _PRICE_LIST_REGION if service == "pricing" else self.region
            with _errors(service):
                self._clients[service] = self._session.client(service, region_name=region, config=_CONFIG)
        return self._clients[service]

    def _errors_of(self, service: Service, operation: str) -> AbstractContextManager[None]:
        asked = self._client(service).meta
        return _errors(f"{service}:{asked.method_to_api_mapping[operation]} in {asked.region_name}")


@contextmanager
def _errors(what: str) -> Iterator[None]:
    try:
        yield
    except ClientError as reason:
        raise _refusal(reason, what) from reason
    except BotoCoreError as reason:
        sentence, hint = aws_errors.trouble(reason)
        raise FleetError(f"{what}: {sentence}", hint=hint) from reason
    except ResponseParserError as reason:
        raise FleetError(f"{what}: the answer is not AWS's", hint="check AWS_ENDPOINT_URL and HTTPS_PROXY") from reason
    except ValueError as reason:
        raise FleetError(f"{what}: AWS_ENDPOINT_URL is no address", hint="such as https://ec2.example.org") from reason


def _refusal(reason: ClientError, what: str) -> FleetError:
    code = reason.response["Error"].get("Code", "")
    if code in REFUSED_BY_CODE:
        sentence, hint = REFUSED_BY_CODE[code]
        return FleetError(f"{what}: {sentence} ({code})", hint=hint)
    said = reason.response["Error"].get("Message") or "AWS refused"
    return FleetError(f"{what}: {said} ({code})", hint=f"{CODES} explains it")
