"""From the navigation to the list on the screen, in a headless Chromium the size of a phone."""

from __future__ import annotations

import shutil
import time
from importlib.resources import files
from typing import Any

OPENINGS = 15
#: A phone four times slower than this machine, on a slow mobile network.
_SLOW = {"offline": False, "latency": 150, "downloadThroughput": 200_000, "uploadThroughput": 90_000}
_SLOWER = 4
_CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


def on_a_phone(port: int, token: str, path: str) -> dict[str, Any] | str:
    """Milliseconds until the list stands and until it is painted, as the machine is and slowed down; the scripts' size."""
    if _CHROMIUM is None:
        return "no Chromium here"
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage"])
        context = browser.new_context(base_url=f"http://127.0.0.1:{port}", viewport={"width": 390, "height": 844}, locale="zh-CN")
        page = context.new_page()
        page.goto("/login")
        page.fill("#code", token)
        page.press("#code", "Enter")
        page.wait_for_url(lambda url: "/login" not in url)
        page.goto(path)
        scripts = page.evaluate("Array.from(document.scripts).map(s => s.src).filter(s => s)")
        told: dict[str, Any] = {"quick": _open(page, path)}
        session = context.new_cdp_session(page)
        session.send("Network.enable")
        session.send("Network.emulateNetworkConditions", _SLOW)
        session.send("Emulation.setCPUThrottlingRate", {"rate": _SLOWER})
        told["slow"] = _open(page, path)
        told["cards"] = page.locator("#people > li").count()
        told["in_the_list"] = page.locator("[data-count=pending]").inner_text()
        browser.close()
    names = [script.rpartition("/")[2].partition("?")[0] for script in scripts]
    return told | {"scripts_kb": round(sum(_size(name) for name in names) / 1000, 1)}


def _open(page: Any, path: str) -> dict[str, int]:
    """The medians and the worst but one of several openings; styles and scripts are in the cache, as on a phone in use."""
    stands, painted = [], []
    for _ in range(OPENINGS):
        page.goto("about:blank")
        began = time.perf_counter()
        page.goto(path, wait_until="commit")
        page.locator("#people > li").first.wait_for()
        stands.append((time.perf_counter() - began) * 1000)
        page.wait_for_load_state()
        painted.append(page.evaluate("performance.getEntriesByName('first-contentful-paint')[0]?.startTime || 0"))
    return {f"{name}_{share}_ms": round(sorted(taken)[place]) for name, taken in (("list", stands), ("painted", painted))
            for share, place in (("p50", OPENINGS // 2), ("p95", OPENINGS - 2))}  # fmt: skip


def _size(name: str) -> int:
    return len((files("serving") / "static" / name).read_bytes())
