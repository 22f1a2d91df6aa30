"""The service as the dashboard knows it: its REST API and nothing else."""

import json
from collections.abc import Iterator
from typing import Any, Final, Self

import httpx2

Json = dict[str, Any]
"""A JSON object as the service answered it. A member that this page does not know is left alone."""

# The service says something on an open stream every 15 seconds.
_TIMEOUT: Final = httpx2.Timeout(30, write=300)
_STREAM: Final = httpx2.Timeout(10, read=60)


class ServiceError(Exception):
    """The service did not do what was asked."""


class UnreachableError(ServiceError):
    """Nobody answers, or it is not the service that does."""


class RefusedError(ServiceError):
    """A problem (RFC 9457) that the service answered with."""

    def __init__(self, status: int, problem: Json, retry_after: str | None = None) -> None:
        self.status = status
        self.type = str(problem.get("type", "")).rpartition("/")[2]
        self.title = str(problem.get("title", f"The service answered {status}"))
        self.detail = str(problem.get("detail", ""))
        self.retry_after = retry_after
        super().__init__(f"{self.title}. {self.detail}")


class Client:
    """Asks the service at ``url``. Every method raises UnreachableError or RefusedError."""

    def __init__(self, url: str, key: str = "", transport: httpx2.BaseTransport | None = None) -> None:
        self.url = url.rstrip("/")
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._http = httpx2.Client(base_url=self.url, headers=headers, timeout=_TIMEOUT, transport=transport)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def analyze_audio(self, name: str, content: bytes, roles: str | None, external_id: str | None) -> str:
        """The id of a new analysis, which has only been stored yet. ``roles`` are separated by commas."""
        fields = {"channel_roles": roles, "external_id": external_id}
        answer = self._ask(
            "POST",
            "/analyze-audio",
            files={"file": (name, content)},
            data={field: value for field, value in fields.items() if value},
            headers={"Prefer": "respond-async"},
        )
        return str(answer["id"])

    def analyze_text(self, text: str) -> Json:
        return self._ask("POST", "/analyze-text", json={"text": text})

    def analysis(self, analysis_id: str) -> Json:
        return self._ask("GET", f"/analyses/{analysis_id}")

    def analyses(self, cursor: str | None = None) -> tuple[list[Json], str | None]:
        """The newest, or those from ``cursor`` on; and the cursor of those that follow."""
        answer = self._ask("GET", "/analyses", params={"cursor": cursor} if cursor else {})
        following = answer.get("next")
        return answer["analyses"], httpx2.URL(following).params.get("cursor") if following else None

    def retry(self, analysis_id: str) -> None:
        self._ask("POST", f"/analyses/{analysis_id}/retry")

    def model(self, name: str) -> Json:
        """Its card."""
        return self._ask("GET", f"/models/{name}")

    def events(self, analysis_id: str) -> Iterator[Json]:
        """How far an analysis has come, with each change, up to its end or that of the connection."""
        try:
            with self._http.stream("GET", f"/analyses/{analysis_id}/events", timeout=_STREAM) as answer:
                if answer.is_error:
                    answer.read()
                    raise _refused(answer)
                for line in answer.iter_lines():
                    if line.startswith("data:"):
                        yield json.loads(line.removeprefix("data:"))
        except (httpx2.HTTPError, ValueError) as error:
            raise self._unreachable(error) from None

    def _ask(self, method: str, path: str, **request: Any) -> Json:
        try:
            answer = self._http.request(method, path, **request)
            if answer.is_error:
                raise _refused(answer)
            body = answer.json()
        except (httpx2.HTTPError, ValueError) as error:
            raise self._unreachable(error) from None
        if not isinstance(body, dict):
            raise UnreachableError(f"What answers at {self.url} is not Voice to Value.")
        return body

    def _unreachable(self, error: Exception) -> UnreachableError:
        if isinstance(error, httpx2.TimeoutException):
            return UnreachableError(f"The service at {self.url} takes too long to answer.")
        if isinstance(error, httpx2.HTTPError):
            return UnreachableError(f"No service answers at {self.url}.")
        return UnreachableError(f"What answers at {self.url} is not Voice to Value.")


def _refused(answer: httpx2.Response) -> RefusedError:
    try:
        problem = answer.json()
    except ValueError:
        problem = None
    return RefusedError(
        answer.status_code, problem if isinstance(problem, dict) else {}, answer.headers.get("retry-after")
    )
