"""Run scripts on a page in headless Chromium."""

import json
import os
import re
import shutil
import subprocess
from html import unescape

CHROMIUM = next(filter(None, map(shutil.which, ("chromium-headless-shell", "chromium", "google-chrome"))), None)

_HARNESS = """\
<!DOCTYPE html>
<iframe src="{page}" style="position: fixed; inset: 0; width: 100%; height: 100%; border: 0"></iframe>
<script>
addEventListener("load", () => {{
  const view = document.querySelector("iframe").contentWindow, page = view.document;
  const box = (element) => {{
    const {{ x, y, width, height }} = element.getBoundingClientRect();
    return [x, y, width, height];
  }};
  const found = (() => {{ {script} }})();
  const result = document.createElement("pre");
  result.id = "found";
  result.textContent = JSON.stringify(found);
  document.body.append(result);
}});
</script>
"""


def run_script(page, script, *, dark=False, size=(1000, 1200)):
    """Open the page in a frame, run `script` outside the frame, and return its result.

    The script may use `view`, the page's window, `page`, its document, and `box(element)`: left, top, width and height.
    `size` is the window's width and height; nothing scrolls smoothly.
    It runs outside, because the page's policy forbids scripts; the browser allows access between files.
    """
    harness = page.with_name("harness.html")
    harness.write_text(_HARNESS.format(page=page.name, script=script), encoding="utf-8")
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files"]
    command += [
        f"--window-size={size[0]},{size[1]}",
        "--force-prefers-reduced-motion",
        "--virtual-time-budget=2000",
        f"--user-data-dir={page.parent / 'profile'}",
    ]
    command += [f"--blink-settings=preferredColorScheme={0 if dark else 1}", "--dump-dom", harness.as_uri()]
    environment = {**os.environ, "HOME": str(page.parent)}
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True, env=environment)
    return json.loads(unescape(re.search(r'<pre id="found">(.*)</pre>', done.stdout).group(1)))
