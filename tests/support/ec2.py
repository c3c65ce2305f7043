"""EC2 on moto, a simulation that was never compared with AWS.

A proxy adds documented behaviour that moto lacks: partial launches, the client token, and the Price List.
"""

import json
import uuid
from dataclasses import dataclass, replace
from urllib.parse import parse_qs, urlencode

import boto3
from support.web import Answer

IMAGE_PARAMETER = "/images/box"


@dataclass(frozen=True, kw_only=True)
class Account:
    """An account with the resources that a launch needs."""

    cloud: object
    subnet: str
    image: str
    image_gib: int

    def client(self, service="ec2", region="us-east-1"):
        return boto3.client(
            service,
            endpoint_url=self.cloud.url,
            aws_access_key_id=self.cloud.access_key,
            aws_secret_access_key=self.cloud.secret_key,
            region_name=region,
        )

    def instances(self, fleet):
        """Return every instance of a fleet, including terminated ones."""
        filters = [{"Name": "tag:diarize-runner", "Values": [fleet]}]
        reservations = self.client().describe_instances(Filters=filters)["Reservations"]
        return [instance for reservation in reservations for instance in reservation["Instances"]]

    def running(self, fleet):
        """Return the ids of the running instances."""
        return sorted(each["InstanceId"] for each in self.instances(fleet) if each["State"]["Name"] == "running")


def make_account(cloud):
    """Create an image parameter, a key pair and an instance profile; moto has a default subnet."""
    account = Account(cloud=cloud, subnet="", image="", image_gib=0)
    ec2 = account.client()
    subnet = ec2.describe_subnets(Filters=[{"Name": "availability-zone", "Values": ["us-east-1a"]}])["Subnets"][0]
    image = next(each for each in ec2.describe_images(Owners=["099720109477"])["Images"] if "amd64" in each["Name"])
    (root,) = [each["Ebs"] for each in image["BlockDeviceMappings"] if each["DeviceName"] == image["RootDeviceName"]]
    account.client("ssm").put_parameter(Name=IMAGE_PARAMETER, Value=image["ImageId"], Type="String")
    account.client("iam").create_instance_profile(InstanceProfileName="boxes")
    ec2.create_key_pair(KeyName="operator")
    return replace(account, subnet=subnet["SubnetId"], image=image["ImageId"], image_gib=root["VolumeSize"])


class DocumentedEc2:
    """A proxy that adds client tokens and partial launches to moto, which ignores tokens and launches MinCount.

    EC2 launches as many instances as it can, up to MaxCount, and only once per token:
    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RunInstances.html
    """

    def __init__(self, origin):
        self.capacity = 1000
        self._origin, self._launched = origin, {}

    def __call__(self, request):
        parameters = parse_qs(request.body.decode()) if request.method == "POST" else {}
        if parameters.get("Action") != ["RunInstances"] or "DryRun" in parameters:
            return self._origin(request)
        (token,), (max_count,) = parameters["ClientToken"], parameters["MaxCount"]
        if token not in self._launched:
            parameters["MinCount"] = [str(min(int(max_count), self.capacity))]
            self._launched[token] = self._origin(_with_body(request, urlencode(parameters, doseq=True).encode()))
        return self._launched[token]


def _with_body(request, body):
    headers = {name: value for name, value in request.headers.items() if name.lower() != "content-length"}
    return replace(request, headers={**headers, "Content-Length": str(len(body))}, body=body)


def asks_for(*actions):
    """Return a predicate for requests of these actions."""
    return lambda request: action_of(request) in actions


def action_of(request):
    """Return the action of a request to EC2, the Parameter Store or the Price List."""
    target = request.headers.get("X-Amz-Target")
    if target:
        return target.rpartition(".")[2]
    return parse_qs(request.body.decode()).get("Action", [""])[0]


def parameters_of(request):
    """Return the parameters of a request to EC2."""
    return {name: values[0] for name, values in parse_qs(request.body.decode()).items()}


def refusal(code, message="no"):
    """Return an EC2 error response, with its XML body."""
    error = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    body = f"<Response><Errors>{error}</Errors><RequestID>{uuid.uuid4()}</RequestID></Response>"
    return Answer(status=400, headers={"Content-Type": "text/xml"}, body=body.encode())


def price_list(*prices):
    """Return an origin that responds like the Price List API, with one product per price in USD."""
    return lambda _: Answer(
        status=200,
        headers={"Content-Type": "application/x-amz-json-1.1"},
        body=json.dumps({"FormatVersion": "aws_v1", "PriceList": [_product(price) for price in prices]}).encode(),
    )


def _product(price):
    """Return one entry in the documented shape, with made-up numbers."""
    sku, term, rate = "35AEEWH98DECPC35", "JRTCKXETXF", "6YS6EN2CT7"
    dimension = {"unit": "Hrs", "pricePerUnit": {"USD": price}, "rateCode": f"{sku}.{term}.{rate}"}
    reserved = {"unit": "Quantity", "pricePerUnit": {"USD": "867"}}
    return json.dumps(
        {
            "product": {"productFamily": "Compute Instance", "sku": sku},
            "publicationDate": "2026-11-18T22:18:09Z",
            "terms": {
                "OnDemand": {f"{sku}.{term}": {"priceDimensions": {f"{sku}.{term}.{rate}": dimension}}},
                "Reserved": {f"{sku}.38NPMPTW36": {"priceDimensions": {"upfront": reserved}}},
            },
        }
    )
