"""Drive headless Chromium over a pipe: https://chromedevtools.github.io/devtools-protocol/.

The pipe needs no WebSocket: messages are JSON, each with a zero byte behind it.
"""

import json
import os
import subprocess
import time
from contextlib import contextmanager

from support.browser import CHROMIUM

_PATIENCE = 20
"""Seconds."""


class Tab:
    """A page in the browser."""

    def __init__(self, reader, writer, downloads):
        self.downloads = downloads
        """The folder of files that the page saves."""
        self._reader, self._writer, self._held, self._number, self._session = reader, writer, b"", 0, None
        self.complaints = []
        """What the page logged as an error: exceptions, refused requests, breaches of its policy."""

    def attach(self):
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "DOM"):
            self.call(f"{domain}.enable")

    def call(self, method, **parameters):
        """Return the result of a method."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session and not method.startswith(("Target.", "Browser.")):
            message["sessionId"] = self._session
        self._writer.write(json.dumps(message).encode() + b"\0")
        self._writer.flush()
        while (answer := self._receive()).get("id") != self._number:
            self._note(answer)
        assert "error" not in answer, (method, answer)
        return answer["result"]

    def _receive(self):
        while b"\0" not in self._held:
            part = os.read(self._reader.fileno(), 1 << 20)
            assert part, "the browser has ended"
            self._held += part
        message, _, self._held = self._held.partition(b"\0")
        return json.loads(message)

    def _note(self, event):
        if event["method"] == "Runtime.exceptionThrown":
            self.complaints.append(event["params"]["exceptionDetails"])
        if event["method"] == "Log.entryAdded" and event["params"]["entry"]["level"] == "error":
            self.complaints.append(event["params"]["entry"]["text"])

    def open(self, url, *, width=1280, height=900, dark=False):
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        still = {"name": "prefers-reduced-motion", "value": "reduce"}
        self.call("Emulation.setEmulatedMedia", features=[scheme, still])
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.call("Page.navigate", url=url)
        self.wait("document.readyState === 'complete'")

    def run(self, script, **where):
        """Return the value of an expression, or of its promise."""
        answer = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True, **where)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def wait(self, script):
        """Return the value of an expression once it is true."""
        return self._until(lambda: self.run(script), script)

    def wait_in_frame(self, script):
        """Return the value of an expression in the frame once it is true."""
        return self._until(lambda: self.in_frame(script), script)

    def wait_for_file(self, path):
        """Return the text of a file once it is saved, and remove it."""
        self._until(path.exists, path)
        text = path.read_text(encoding="utf-8")
        path.unlink()
        return text

    def _until(self, look, what):
        deadline = time.monotonic() + _PATIENCE
        while not (value := look()):
            assert time.monotonic() < deadline, (what, self.run("document.body.innerText"), self.complaints)
            time.sleep(0.02)
        return value

    def in_frame(self, script):
        """Return the value of an expression in the sandboxed frame, whose origin no page may reach."""
        frame = self.call("Page.getFrameTree")["frameTree"]["childFrames"][0]["frame"]["id"]
        world = self.call("Page.createIsolatedWorld", frameId=frame)["executionContextId"]
        return self.run(script, contextId=world)

    def press(self, key, **parameters):
        """Press and release a key, such as Tab or Enter."""
        codes = {"Tab": 9, "Enter": 13, "Escape": 27, " ": 32}
        text = {"Enter": "\r", " ": " "}.get(key, "")
        common = {"key": key, "windowsVirtualKeyCode": codes[key], **parameters}
        self.call("Input.dispatchKeyEvent", type="keyDown", text=text, **common)
        self.call("Input.dispatchKeyEvent", type="keyUp", **common)

    def choose(self, selector, *paths):
        """Put files into a file field."""
        root = self.call("DOM.getDocument")["root"]["nodeId"]
        field = self.call("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.call("DOM.setFileInputFiles", nodeId=field, files=list(map(str, paths)))

    def drop(self, selector, *paths):
        """Drag files onto an element."""
        x, y = self.run(
            f"(() => {{ const {{ x, y }} = document.querySelector({json.dumps(selector)}).getBoundingClientRect();"
            "return [x + 20, y + 20]; })()"
        )
        data = {"items": [], "files": list(map(str, paths)), "dragOperationsMask": 1}
        for kind in ("dragEnter", "dragOver", "drop"):
            self.call("Input.dispatchDragEvent", type=kind, x=x, y=y, data=data)


@contextmanager
def browser(folder):
    """Yield a tab; downloads lie in `folder`."""
    answers, questions = os.pipe(), os.pipe()
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe"]
    command += [f"--user-data-dir={folder / 'profile'}", "--no-first-run", "--mute-audio"]
    # The browser reads file descriptor 3 and writes 4.
    shell = ["bash", "-c", f'exec "$@" 3<&{questions[0]} 4>&{answers[1]}', "bash", *command]
    process = subprocess.Popen(
        shell, pass_fds=(questions[0], answers[1]), stderr=subprocess.DEVNULL, env={**os.environ, "HOME": str(folder)}
    )
    os.close(questions[0])
    os.close(answers[1])
    try:
        with os.fdopen(answers[0], "rb") as reader, os.fdopen(questions[1], "wb") as writer:
            tab = Tab(reader, writer, folder / "downloads")
            tab.attach()
            tab.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tab.downloads))
            yield tab
    finally:
        process.kill()
        process.wait()
