"""Measures a page in headless Chromium, where there is one: does it scroll sideways, does text overlap, is text cut?"""

import html
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
OPTIONS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--hide-scrollbars", "--virtual-time-budget=2000"),
]
# The page in a frame of the wanted width: a window of Chromium cannot be as narrow as a phone's.
FRAME = """<!DOCTYPE html><meta charset="utf-8"><body style="margin: 0">
<iframe id="page" style="border: 0; width: {width}px; height: 900px" srcdoc="{page}"></iframe><pre id="found"></pre>
<script>
const frame = document.getElementById("page");
frame.onload = () => {{
  const page = frame.contentDocument, boxes = [];
  page.querySelectorAll("details").forEach(it => it.open = true);
  const visible = (node, box) => {{  // what its scrolling ancestor shows of it
    for (let it = node.parentElement; it; it = it.parentElement) {{
      if (!it.classList.contains("scroll")) continue;
      const around = it.getBoundingClientRect();
      box = {{left: Math.max(box.left, around.left), right: Math.min(box.right, around.right),
             top: Math.max(box.top, around.top), bottom: Math.min(box.bottom, around.bottom)}};
    }}
    return box;
  }};
  const walker = page.createTreeWalker(page.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {{
    const node = walker.currentNode;
    if (!node.data.trim() || node.parentElement.closest("style")) continue;
    const range = page.createRange();
    range.selectNodeContents(node);
    for (const rect of range.getClientRects()) {{
      const box = visible(node, rect);
      if (box.right - box.left > 1 && box.bottom - box.top > 1)
        boxes.push({{text: node.data.trim().slice(0, 40), left: box.left, right: box.right, top: box.top, bottom: box.bottom}});
    }}
  }}
  const overlaps = [];
  boxes.forEach((a, i) => boxes.slice(i + 1).forEach(b => {{
    const across = Math.min(a.right, b.right) - Math.max(a.left, b.left), down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
    if (across > 1 && down > 4) overlaps.push([a.text, b.text]);  // line boxes of CJK fonts are taller than their characters
  }}));
  const cut = boxes.filter(box => box.left < -0.5 || box.right > {width} + 0.5).map(box => box.text);
  document.getElementById("found").textContent = JSON.stringify({{
    inner: frame.contentWindow.innerWidth, scroll: page.scrollingElement.scrollWidth, texts: boxes.length, overlaps, cut}});
}};
</script>"""


def measure(page: str, width: int, folder: Path) -> dict[str, object]:
    """inner: the window's width; scroll: the page's; texts: pieces of text seen; overlaps: pairs; cut: texts beyond the window's edge."""
    if CHROMIUM is None:
        pytest.skip("needs Chromium, to measure the page as it is drawn (apt-get install chromium)")
    file = folder / "frame.html"
    file.write_text(FRAME.format(width=width, page=html.escape(page)), "utf-8")
    window = [f"--user-data-dir={folder / 'profile'}", f"--window-size={max(width, 600)},1000"]
    command = [CHROMIUM, *OPTIONS, *window, "--dump-dom", file.as_uri()]
    dom = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
    found = re.search(r'<pre id="found">(.+?)</pre>', dom, re.DOTALL)
    assert found, dom[-500:]
    return dict(json.loads(html.unescape(found[1])))
