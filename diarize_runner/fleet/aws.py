"""AWS calls in one account and region; the only module of the fleet package that imports boto3.

boto3 finds credentials, profile, region and endpoint as usual: AWS_PROFILE, ~/.aws and so on.
"""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Literal

from boto3.session import Session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from diarize_runner.errors import FleetError, UsageError
from diarize_runner.fleet.aws_refusals import CODES, GRANTS, REFUSED_BY_CODE
from diarize_runner.store import aws_errors
from diarize_runner.unexpected import first_line
from diarize_runner.version import __version__

Service = Literal["ec2", "ssm", "pricing"]
Response = Mapping[str, Any]
"""A response, as boto3 parses it."""

# The Price List API has endpoints in few regions; each has the prices of all regions:
# https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/using-price-list-query-api.html
_PRICE_LIST_REGION = "us-east-1"
_CONFIG = Config(
    connect_timeout=10,
    read_timeout=60,
    retries={"mode": "standard", "total_max_attempts": 5},
    user_agent_extra=f"diarize-runner/{__version__}",
)


class Aws:
    """Calls AWS; raises FleetError when a call fails."""

    def __init__(self, session: Session, region: str) -> None:
        self.region = region
        self._session = session
        self._clients: dict[str, Any] = {}

    @classmethod
    def of(cls, *, profile: str | None, region: str | None) -> "Aws":
        """Return AWS for a profile and a region; None takes boto3's default.

        Raises FleetError when boto3's configuration is invalid, UsageError when no region is set.
        """
        with _errors("boto3"):
            session = Session(profile_name=profile, region_name=region)
            region_name = session.region_name
        if not region_name:
            raise UsageError("no region is set", hint="pass --region us-east-1, or set AWS_DEFAULT_REGION")
        return cls(session, region_name)

    def call(self, service: Service, operation: str, **parameters: object) -> Response:
        """Return the response, with all pages merged."""
        client = self._client(service)
        with self._operation_errors(service, operation):
            if client.can_paginate(operation):
                response: Response = client.get_paginator(operation).paginate(**parameters).build_full_result()
            else:
                response = getattr(client, operation)(**parameters)
            return response

    def dry_run(self, operation: str, **parameters: object) -> None:
        """Send an EC2 dry run; raise FleetError when EC2 would refuse the call."""
        client = self._client("ec2")
        with self._operation_errors("ec2", operation):
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

    def _operation_errors(self, service: Service, operation: str) -> AbstractContextManager[None]:
        meta = self._client(service).meta
        return _errors(f"{service}:{meta.method_to_api_mapping[operation]} in {meta.region_name}")


@contextmanager
def _errors(what: str) -> Iterator[None]:
    try:
        yield
    except ClientError as reason:
        raise _refusal(reason, what) from reason
    except BotoCoreError as reason:
        sentence, hint = aws_errors.explain_transport_error(reason)
        raise FleetError(f"{what}: {sentence}", hint=hint) from reason
    except OSError as reason:  # boto3 reads tokens and certificates from files
        sentence, hint = aws_errors.explain_file_error(reason)
        raise FleetError(f"{what}: {sentence}", hint=hint) from reason
    except ResponseParserError as reason:
        hint = "check AWS_ENDPOINT_URL and HTTPS_PROXY"
        raise FleetError(f"{what}: the response is not from AWS", hint=hint) from reason
    except ValueError as reason:
        hint = "set it to an address such as https://ec2.example.org"
        raise FleetError(f"{what}: AWS_ENDPOINT_URL is not an address", hint=hint) from reason


def _refusal(reason: ClientError, what: str) -> FleetError:
    code, message = reason.response["Error"].get("Code", ""), reason.response["Error"].get("Message") or ""
    explained = aws_errors.explain_refusal(code, message, reason.operation_name, GRANTS) or REFUSED_BY_CODE.get(code)
    if explained:
        sentence, hint = explained
        return FleetError(f"{what}: {sentence} ({code})", hint=hint)
    return FleetError(f"{what}: {first_line(message) or 'AWS refused the call'} ({code})", hint=f"see {CODES}")
