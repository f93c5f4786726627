"""Order takedowns through a door, and hold each answer against the door's own description."""

import json
import re
from importlib.resources import files
from typing import Any

import requests
from openapi_schema_validator import OAS31Validator

from stack.door import Door
from stack.processes.waiting import PATIENCE

DESCRIPTION: dict[str, Any] = json.loads(files("purger.door").joinpath("openapi.json").read_bytes())


def schema_of(method: str, path: str, answer: requests.Response) -> dict[str, Any]:
    """Find the schema of an answer in the description, by path, method and status."""
    template = re.sub(r"^/takedowns/.+", "/takedowns/{number}", path.partition("?")[0])
    operation = DESCRIPTION["paths"].get(template, {}).get(method.lower(), {})
    default = {"$ref": "#/components/responses/Problem"}
    response = operation.get("responses", {}).get(str(answer.status_code), default)
    if "$ref" in response:
        response = DESCRIPTION["components"]["responses"][response["$ref"].rpartition("/")[2]]
    media_type = answer.headers["Content-Type"]
    return {**response["content"][media_type]["schema"], "components": DESCRIPTION["components"]}


class DoorClient:
    """A program that knows a token."""

    def __init__(self, door: Door, token: str) -> None:
        self.door = door
        self.token = token

    def ask(self, method: str, path: str, **options: Any) -> requests.Response:
        """Send a request, and check that its answer is as the description says."""
        headers = {"Authorization": f"Bearer {self.token}", **options.pop("headers", {})}
        answer = requests.request(method, self.door.url + path, headers=headers, timeout=PATIENCE, **options)
        OAS31Validator(schema_of(method, path, answer)).validate(answer.json())
        if answer.status_code >= 400:
            assert answer.json()["status"] == answer.status_code
        return answer

    def order(self, key: str | None = None, /, wait: float | None = None, **members: Any) -> requests.Response:
        """Order a takedown."""
        path = "/takedowns" if wait is None else f"/takedowns?wait={wait:g}"
        return self.ask("POST", path, json=members, headers={"Idempotency-Key": key} if key else {})

    def state(self, takedown: int, wait: float | None = None, until: str = "acknowledged") -> requests.Response:
        """Ask how far a takedown is."""
        return self.ask("GET", f"/takedowns/{takedown}" + ("" if wait is None else f"?wait={wait:g}&until={until}"))

    def lift(self, takedown: int, **parameters: str) -> requests.Response:
        """Lift a takedown."""
        return self.ask("DELETE", f"/takedowns/{takedown}", params=parameters)
