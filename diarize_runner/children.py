"""The environment of the processes that this one starts: ours, without the secrets in it.

A child inherits everything that its parent does not withhold, and hands it on: pip starts `uname`, `lsb_release` and
`rustc`. No child of ours signs in anywhere but pip, at a package index, by the settings that begin with PIP_.
"""

import os
import re

_WORDS = "TOKENS?|SECRETS?|KEYS?|PASS|PASSWD|PASSWORDS?|CREDENTIALS?|AUTHORIZATION"
_SECRET = re.compile(rf"(?:^|_)(?:{_WORDS})(?:_|$)", re.IGNORECASE)
_OF_PIP = "PIP_"


def child_environment(**added: str) -> dict[str, str]:
    """Return the variables that a child gets, and those `added` for it.

    A variable is withheld when a word of its name says that it holds a secret, or where one is: HF_TOKEN,
    AWS_SECRET_ACCESS_KEY, AWS_SHARED_CREDENTIALS_FILE.
    """
    ours = {name: value for name, value in os.environ.items() if name.startswith(_OF_PIP) or not _SECRET.search(name)}
    return {**ours, **added}
