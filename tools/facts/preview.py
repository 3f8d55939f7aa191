"""`make preview`: all cards on one local page, to read, to search, to print, and to hand to a clinician."""

from __future__ import annotations

import argparse
import sys
import threading
import webbrowser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from dystonia.store import FactStore
from tools.facts.page import document

DOCUMENT = Path(__file__).resolve().parent.parent.parent / "var" / "facts.html"
LOOPBACK = "127.0.0.1"
PORT = 8600


def add_options(parser: argparse.ArgumentParser) -> None:
    """What the command can be told."""
    parser.add_argument("--file", type=Path, metavar="PATH", help="only write the page to this file, to mail or to print it")
    parser.add_argument("--port", type=int, default=PORT, help=f"port of the local page (otherwise {PORT})")
    parser.add_argument("--no-open", action="store_true", help="do not open the browser")


def command(store: FactStore, asked: argparse.Namespace) -> int:
    """Writes the page, and serves it unless a file was asked for; returns the exit status."""
    return write(document(store), asked.file) if asked.file else run(store, asked.port, not asked.no_open)


def write(page: str, path: Path) -> int:
    """Writes the page and says where; returns the exit status, 1 when the file can't be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(page, encoding="utf-8", newline="\n")
    except OSError as error:
        print(f"{path} can't be written: {error.strerror}. Mend: name a file in a folder that you may change.", file=sys.stderr)
        return 1
    print(f"All cards are in {path}")
    return 0


def run(store: FactStore, port: int, open_page: bool, path: Path = DOCUMENT) -> int:
    """Writes the page and serves it on this machine only, until Ctrl-C; returns the exit status."""
    page = document(store)
    if write(page, path):
        return 1
    try:
        server = page_server(page, port)
    except (OSError, OverflowError):
        print(f"Port {port} can't be used. Mend: choose another with --port, such as --port {PORT + 1}.", file=sys.stderr)
        return 1
    with server:
        address = f"http://{LOOPBACK}:{server.server_port}/"
        print(f"Read them at {address} (Ctrl-C ends; after a change in the facts, start again)", flush=True)
        if open_page:
            # A browser of the terminal holds up its caller until it is closed, and this thread must answer it.
            threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print()
    return 0


def page_server(page: str, port: int) -> ThreadingHTTPServer:
    """A server, not yet started, that answers ``/`` with the page and only this machine can reach.

    Raises:
        OSError: the port is taken.
        OverflowError: there is no such port.
    """
    body = page.encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path != "/":
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "no-store")
            self.send_header("Content-Security-Policy", "frame-ancestors 'none'")
            self.send_header("X-Content-Type-Options", "nosniff")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Says nothing: an editor has no use for a line a request."""

    return ThreadingHTTPServer((LOOPBACK, port), Handler)
