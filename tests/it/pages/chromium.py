"""A headless Chromium behind chromedriver (W3C WebDriver over plain HTTP), with a profile of its own that is gone afterwards."""

import base64
import json
import pathlib
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

OPTIONS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
]
# A test machine's proxy is none of loopback's business.
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Chromium:
    """`with Chromium() as browser:` one session with one tab."""

    def __init__(self, patience=120):
        self.patience = patience
        self.profile = tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.base = f"http://127.0.0.1:{port}"
        log = pathlib.Path(self.profile.name, "driver.log")
        self.driver = subprocess.Popen(["chromedriver", f"--port={port}", f"--log-path={log}"], stdout=subprocess.DEVNULL)
        try:
            self.session = self.begin()
        except BaseException:
            self.end()
            raise

    def begin(self):
        deadline = time.monotonic() + self.patience
        while True:
            try:
                if self.request("GET", "/status")["ready"]:
                    break
            except OSError:
                if time.monotonic() > deadline or self.driver.poll() is not None:
                    raise
                time.sleep(0.05)
        arguments = [*OPTIONS, f"--user-data-dir={pathlib.Path(self.profile.name, 'profile')}"]
        wanted = {"goog:chromeOptions": {"args": arguments}, "goog:loggingPrefs": {"performance": "ALL", "browser": "ALL"}}
        return self.request("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})["sessionId"]

    def end(self):
        self.driver.terminate()
        try:
            self.driver.wait(20)
        except subprocess.TimeoutExpired:
            self.driver.kill()
        self.profile.cleanup()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self.request("DELETE", f"/session/{self.session}")
        finally:
            self.end()

    def request(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data, {"Content-Type": "application/json"}, method=method)
        try:
            with DIRECT.open(request, timeout=self.patience) as response:
                return json.load(response)["value"]
        except urllib.error.HTTPError as error:
            raise RuntimeError(f"{method} {path}: {json.load(error)['value']['message']}") from error

    def command(self, path, body):
        return self.request("POST", f"/session/{self.session}/{path}", body)

    def devtools(self, name, **parameters):
        """A command of the DevTools protocol."""
        return self.command("goog/cdp/execute", {"cmd": name, "params": parameters})

    def open(self, url):
        self.command("url", {"url": url})

    def run(self, script, *arguments):
        """Runs a script that ends with `return`; what it returns."""
        return self.command("execute/sync", {"script": script, "args": list(arguments)})

    def log(self, kind):
        """What was logged since the last call: `browser` (complaints of a page) or `performance` (its requests)."""
        return self.command("se/log", {"type": kind})

    def picture(self, path, top, size):
        """A part of the page, from `top` on, `size` (width, height) large."""
        clip = {"x": 0, "y": top, "width": size[0], "height": size[1], "scale": 1}
        taken = self.devtools("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)
        pathlib.Path(path).write_bytes(base64.b64decode(taken["data"]))

    def paper(self):
        """The page as it is printed on A4, as PDF."""
        size = {"paperWidth": 8.27, "paperHeight": 11.69}
        return base64.b64decode(self.devtools("Page.printToPDF", printBackground=False, **size)["data"])
