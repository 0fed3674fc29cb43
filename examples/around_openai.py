"""OpenAI's own client with memory around it. With OPENAI_BASE_URL (and OPENAI_API_KEY) it asks a real model; without
one, a stand-in on this machine that repeats what it was told, so that you see what memory put in."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import openai

from memoryops.client import Degraded, MemoryOpsClient

SERVE = [sys.executable, "-P", "-m", "memoryops.mcp_server.cli.main", "serve", "--port", "0", "--json"]


class StandIn(BaseHTTPRequestHandler):
    """A model that says what it was asked, memories and all."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        message = {"role": "assistant", "content": f"You ask: {asked['messages'][-1]['content']}"}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        reply = {"id": "1", "object": "chat.completion", "created": 1, "model": asked["model"], "choices": [choice]}
        body = json.dumps(reply).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


@contextmanager
def service() -> Iterator[tuple[MemoryOpsClient, subprocess.Popen[str]]]:
    """A service of this example's own, and its process. One that runs anyway is found by `MemoryOpsClient()`."""
    with subprocess.Popen(SERVE, stdout=subprocess.PIPE, encoding="utf-8") as process:
        assert process.stdout is not None
        place = json.loads("".join(iter(process.stdout.readline, "}\n")) + "}")
        token = Path(place["token_file"]).read_text(encoding="ascii").strip()
        with MemoryOpsClient(place["url"].removesuffix("/mcp"), token) as memory:
            yield memory, process
        process.terminate()


def say(client: openai.OpenAI, text: str) -> None:
    reply = client.chat.completions.create(
        model=os.environ.get("OPENAI_MODEL", "gpt-4o-mini"), user="ann", messages=[{"role": "user", "content": text}]
    )
    print(f"> {text}\n{reply.choices[0].message.content}\n")


def degraded(told: Degraded) -> None:
    print(f"(memory took no part: {told.stage}, {told.reason})")


stand_in = ThreadingHTTPServer(("127.0.0.1", 0), StandIn)
threading.Thread(target=stand_in.serve_forever, daemon=True).start()
os.environ.setdefault("OPENAI_BASE_URL", f"http://127.0.0.1:{stand_in.server_port}/v1")
os.environ.setdefault("OPENAI_API_KEY", "none")

with service() as (memory, process), openai.OpenAI() as plain:
    client = memory.wrap(plain, patience=10, on_degraded=degraded)
    say(client, "I live in Austin, Texas now.")
    say(client, "Where do I live?")
    process.terminate()
    process.wait()
    say(client, "And who answers when the memory is gone?")
stand_in.shutdown()
stand_in.server_close()
