"""The language server that editors use for YAML, spoken to over its standard streams."""

import json
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any


class LanguageServer:
    """One server that knows one schema; use with ``with``."""

    def __init__(self, command: list[str], schema: Path) -> None:
        self._command = command
        self._settings = {
            "yaml": {
                "schemas": {schema.as_uri(): ["*.yaml"]},
                "validate": True,
                "completion": True,
                "hover": True,
                "schemaStore": {"enable": False},
            }
        }
        self._count = 0
        self.diagnostics: dict[str, list[dict[str, Any]]] = {}

    def __enter__(self) -> "LanguageServer":
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        support = {"workspace": {"configuration": True}, "textDocument": {"completion": {}}}
        self.ask("initialize", {"processId": None, "rootUri": None, "capabilities": support})
        self._tell("initialized", {})
        self._tell("workspace/didChangeConfiguration", {"settings": self._settings})
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.communicate()

    def open(self, name: str, text: str) -> list[dict[str, Any]]:
        """Open a file; what is wrong with it."""
        uri = f"file:///{name}"
        document = {"uri": uri, "languageId": "yaml", "version": 1, "text": text}
        self._tell("textDocument/didOpen", {"textDocument": document})
        while uri not in self.diagnostics:
            self._hear()
        return self.diagnostics[uri]

    def complete(self, name: str, line: int, column: int) -> list[str]:
        """What may stand there, lines and columns counted from 0."""
        place = {"line": line, "character": column}
        where = {"textDocument": {"uri": f"file:///{name}"}, "position": place}
        found = self.ask("textDocument/completion", where)
        return [each["label"] for each in found["items"]]

    def hover(self, name: str, line: int, column: int) -> str:
        """What is told of the word there."""
        place = {"line": line, "character": column}
        where = {"textDocument": {"uri": f"file:///{name}"}, "position": place}
        found = self.ask("textDocument/hover", where)
        return json.dumps(found["contents"]) if found else ""

    def ask(self, method: str, parameters: dict[str, Any]) -> Any:
        """Send a request and wait for its answer."""
        self._count += 1
        number = self._count
        self._send({"id": number, "method": method, "params": parameters})
        while True:
            message = self._hear()
            if message.get("id") == number and "method" not in message:
                return message.get("result")

    def _tell(self, method: str, parameters: dict[str, Any]) -> None:
        self._send({"method": method, "params": parameters})

    def _send(self, message: dict[str, Any]) -> None:
        content = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self._process.stdin is not None
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(content) + content)
        self._process.stdin.flush()

    def _hear(self) -> dict[str, Any]:
        stream = self._process.stdout
        assert stream is not None
        length = 0
        while line := stream.readline().strip():
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        assert length, "the language server has ended"
        message: dict[str, Any] = json.loads(stream.read(length))
        if message.get("method") == "textDocument/publishDiagnostics":
            told = message["params"]
            self.diagnostics[told["uri"]] = told["diagnostics"]
        elif "method" in message and "id" in message:
            sections = (message.get("params") or {}).get("items") or []
            answer = [self._settings.get(each.get("section"), {}) for each in sections]
            self._send({"id": message["id"], "result": answer if sections else None})
        return message
