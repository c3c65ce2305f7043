"""EC2 on moto, which is a simulation: nothing here was compared with AWS.

What moto leaves out, and AWS documents, is put in front of it: a launch of as many as there are, the client token, and
the Price List.
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
    """What is there before a fleet is launched, and a look behind the scenes."""

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
        """Return every instance of a fleet, terminated ones too."""
        wanted = [{"Name": "tag:diarize-runner", "Values": [fleet]}]
        found = self.client().describe_instances(Filters=wanted)["Reservations"]
        return [instance for reservation in found for instance in reservation["Instances"]]

    def running(self, fleet):
        """Return the ids of those that run."""
        return sorted(each["InstanceId"] for each in self.instances(fleet) if each["State"]["Name"] == "running")


def make_account(cloud):
    """Make what a fleet needs: an image by a parameter, a key pair, an instance profile; a default subnet is there."""
    account = Account(cloud=cloud, subnet="", image="", image_gib=0)
    ec2 = account.client()
    subnet = ec2.describe_subnets(Filters=[{"Name": "availability-zone", "Values": ["us-east-1a"]}])["Subnets"][0]
    image = next(each for each in ec2.describe_images(Owners=["099720109477"])["Images"] if "amd64" in each["Name"])
    (root,) = [each["Ebs"] for each in image["BlockDeviceMappings"] if each["DeviceName"] == image["RootDeviceName"]]
    account.client("ssm").put_parameter(Name=IMAGE_PARAMETER, Value=image["ImageId"], Type="String")
    account.client("iam").create_instance_profile(InstanceProfileName="boxes")
    ec2.create_key_pair(KeyName="operator")
    return replace(account, subnet=subnet["SubnetId"], image=image["ImageId"], image_gib=root["VolumeSize"])


class LaunchesAsDocumented:
    """Stands between a client and moto, which knows no client token and launches MinCount.

    EC2 launches as many as it can, up to MaxCount, and what was launched with a token only once:
    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RunInstances.html
    """

    def __init__(self, origin):
        self.capacity = 1000
        self._origin, self._launched = origin, {}

    def __call__(self, request):
        parameters = parse_qs(request.body.decode()) if request.method == "POST" else {}
        if parameters.get("Action") != ["RunInstances"] or "DryRun" in parameters:
            return self._origin(request)
        (token,), (most,) = parameters["ClientToken"], parameters["MaxCount"]
        if token not in self._launched:
            parameters["MinCount"] = [str(min(int(most), self.capacity))]
            self._launched[token] = self._origin(_with_body(request, urlencode(parameters, doseq=True).encode()))
        return self._launched[token]


def _with_body(request, body):
    headers = {name: value for name, value in request.headers.items() if name.lower() != "content-length"}
    return replace(request, headers={**headers, "Content-Length": str(len(body))}, body=body)


def asks_for(*actions):
    """Hold for the requests that ask for one of these actions."""
    return lambda request: action_of(request) in actions


def action_of(request):
    """Return the name of what was asked of EC2, the Parameter Store or the Price List."""
    target = request.headers.get("X-Amz-Target")
    if target:
        return target.rpartition(".")[2]
    return parse_qs(request.body.decode()).get("Action", [""])[0]


def parameters_of(request):
    """Return what was asked for, as EC2 writes it down."""
    return {name: values[0] for name, values in parse_qs(request.body.decode()).items()}


def refusal(code, message="no"):
    """What EC2 answers when it refuses, in its own XML."""
    error = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    body = f"<Response><Errors>{error}</Errors><RequestID>{uuid.uuid4()}</RequestID></Response>"
    return Answer(status=400, headers={"Content-Type": "text/xml"}, body=body.encode())


def price_list(*prices):
    """An origin that answers as the Price List API does, with a product for each of `prices` in USD."""
    return lambda _: Answer(
        status=200,
        headers={"Content-Type": "application/x-amz-json-1.1"},
        body=json.dumps({"FormatVersion": "aws_v1", "PriceList": [_product(price) for price in prices]}).encode(),
    )


def _product(price):
    """One entry, shaped as the API documents; the numbers are a test's."""
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
