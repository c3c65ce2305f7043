"""Print the OpenAPI document of the service; it needs no cache, no queue and no network.

python -m diarize_runner.service.web.openapi > docs/openapi.json
"""

import json
import sys

from diarize_runner.service.web.app import described_app


def text() -> str:
    """Return the document, as docs/openapi.json has it."""
    return json.dumps(described_app().openapi(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(text())
