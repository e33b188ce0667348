"""Names: of networks, and the tokens that name kinds, capabilities, attributes and encodings.

Plain ASCII of one case, so that a name has one spelling, one length and one order, in every language.
"""

from __future__ import annotations

import re
from typing import Final

from ..errors import BadText
from ..limits import NETWORK_CHARS, TOKEN_CHARS

_NETWORK: Final = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._-]{{0,{NETWORK_CHARS - 1}}}").fullmatch
_TOKEN: Final = re.compile(rf"[a-z0-9][a-z0-9._-]{{0,{TOKEN_CHARS - 1}}}").fullmatch


def check_network(name: str) -> str:
    """The name of a network, as it was given. Raises BadText."""
    if not isinstance(name, str) or _NETWORK(name) is None:
        raise BadText("network name", str(name), f"1 to {NETWORK_CHARS} of A-Z a-z 0-9 . _ -, the first no punctuation")
    return name


def check_token(token: str, what: str) -> str:
    """The token, as it was given; `what` is what it names (`capability`). Raises BadText."""
    if not isinstance(token, str) or _TOKEN(token) is None:
        raise BadText(what, str(token), f"1 to {TOKEN_CHARS} of a-z 0-9 . _ -, the first no punctuation")
    return token
