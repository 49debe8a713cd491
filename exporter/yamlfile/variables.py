"""`${NAME}` in text."""

from __future__ import annotations

import re
from collections.abc import Mapping

from exporter.yamlfile.faults import listed

_VARIABLE = re.compile(r"\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)\}|\$\{", re.ASCII)


def expand(text: str, environ: Mapping[str, str]) -> str:
    """Replace each `${NAME}` by the variable's value and `$${` by `${`; ValueError names what is not set."""
    missing = sorted({name for name in _VARIABLE.findall(text) if name and name not in environ})
    if missing:
        verb = "is" if len(missing) == 1 else "are"
        raise ValueError(f"environment variable {listed(missing, 'and')} {verb} not set")

    def replacement(match: re.Match[str]) -> str:
        if match[0] == "${":
            raise ValueError("${ begins a variable, as in ${NAME}: write $${ for a plain ${")
        return environ[match[1]] if match[1] else "${"

    return _VARIABLE.sub(replacement, text)
