"""Format log records as logfmt or JSON, one line each. Fields are those that a call passes as `extra`."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any, Literal

LogFormat = Literal["logfmt", "json"]

_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}
#: Loggers of libraries, which log addresses and headers below the level of a warning.
_LIBRARIES = ("httpx", "httpcore", "asyncio", "uvicorn", "anyio")


class _Formatter(logging.Formatter):
    """Write `ts=… level=info msg=refreshed account=acme records=14`, or the same as a JSON object."""

    def __init__(self, form: LogFormat) -> None:
        super().__init__()
        self._form = form

    def format(self, record: logging.LogRecord) -> str:
        fields: dict[str, Any] = {
            "ts": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": {"WARNING": "warn"}.get(record.levelname, record.levelname.lower()),
            "msg": record.getMessage(),
        }
        fields |= {key: value for key, value in record.__dict__.items() if key not in _STANDARD}
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        if self._form == "json":
            return json.dumps(fields, ensure_ascii=False, default=str)
        return " ".join(f"{key}={_logfmt_value(value)}" for key, value in fields.items())


def _logfmt_value(value: Any) -> str:
    text = str(value)
    plain = text.isprintable() and not set(text) & set(' ="')
    return text if text and plain else json.dumps(text, ensure_ascii=False)


def set_up_logging(level: str, form: LogFormat) -> None:
    """Log to standard error; `level` is debug, info, warn or error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Formatter(form))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for name in _LIBRARIES:
        logging.getLogger(name).setLevel(logging.WARNING)
