"""What the tests of the explorer share: one conditional run of seconds, the shipped generator, and a server of both."""

from __future__ import annotations

import http.client
import threading
from urllib.parse import urlencode, urlsplit

import pytest

import dcgan_kit

BUILTINS = dcgan_kit.PluginSettings(builtins_only=True)


@pytest.fixture(scope="session")
def classed_run(classed, run, tmp_path_factory):
    """A conditional run, 8x8, three classes, with an average and two checkpoints."""
    folder = tmp_path_factory.mktemp("explorer") / "classed"
    run(classed("training.steps=4", "training.ema=0.9"), folder)
    return dcgan_kit.open_run(folder, settings=BUILTINS)


@pytest.fixture(scope="session")
def shipped():
    """The generator that comes with the default recipe."""
    return dcgan_kit.open_generator("lecture-fashion28", settings=BUILTINS)


class Client:
    """Asks the server, as the page does."""

    def __init__(self, address):
        self.address = address
        parts = urlsplit(address)
        self.host, self.query = parts.netloc, parts.query
        self.cookie = self.ask("GET", f"/?{self.query}").getheader("set-cookie").partition(";")[0]

    def ask(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection(self.host, timeout=60)
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        answer.content = answer.read()
        connection.close()
        return answer

    def get(self, path, **parameters):
        return self.ask("GET", f"{path}?{urlencode(parameters)}", headers={"cookie": self.cookie})

    def post(self, path, body, **parameters):
        headers = {"cookie": self.cookie, "origin": f"http://{self.host}"}
        return self.ask("POST", f"{path}?{urlencode(parameters)}", body, headers)


@pytest.fixture(scope="session")
def client(classed_run, shipped):
    """A client of a real server of both: source 0 is the shipped generator, source 1 the run."""
    from dcgan_kit.explorer.server import listening, prepared
    from dcgan_kit.explorer.source import Source

    sources = [Source(shipped, "shipped"), Source(classed_run, "classed")]
    with listening(0) as found:
        server, address = prepared(sources, found)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [found]}, daemon=True)
        thread.start()
        yield Client(address)
        server.should_exit = True
        thread.join(30)
