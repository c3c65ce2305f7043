"""A page as a browser sees it: headless Chromium, without a network."""

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


def look(page, script, *, dark=False):
    """Open the page, run `script` beside it, and return what that returns.

    It knows `view`, the page's window, `page`, its document, and `box(element)`: left, top, width and height. Files may
    look at each other in this browser, which is how it gets at the page from outside of its policy.
    """
    harness = page.with_name("harness.html")
    harness.write_text(_HARNESS.format(page=page.name, script=script), encoding="utf-8")
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files"]
    command += ["--window-size=1000,1200", "--virtual-time-budget=2000", f"--user-data-dir={page.parent / 'profile'}"]
    command += [f"--blink-settings=preferredColorScheme={0 if dark else 1}", "--dump-dom", harness.as_uri()]
    environment = {**os.environ, "HOME": str(page.parent)}
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True, env=environment)
    return json.loads(unescape(re.search(r'<pre id="found">(.*)</pre>', done.stdout).group(1)))
