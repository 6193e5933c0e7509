"""A headless Chromium that opens pages, and what tests ask of a page in it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CHROMIUM, DRIVER = Path("/usr/bin/chromium"), Path("/usr/bin/chromedriver")  # where Debian has them
PHONE, DESKTOP = 390, 1440  # CSS pixels
_OVERFLOWING = """
const width = document.documentElement.clientWidth;
const scrolls = node => {
  for (let part = node.parentElement; part && part !== document.body; part = part.parentElement)
    if (['auto', 'scroll', 'hidden'].includes(getComputedStyle(part).overflowX)) return true;
  return false;
};
return [...document.body.querySelectorAll('*')]
  .filter(node => node.getBoundingClientRect().right > width + 1 && node.getBoundingClientRect().width > 0)
  .filter(node => !scrolls(node))
  .map(node => node.tagName + '.' + (node.getAttribute('class') || '') + ' ' + node.textContent.slice(0, 40));
"""
# The contrast of WCAG 2 between the colour of each text and the first opaque background behind it.
_CONTRASTS = """
const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
const rgba = colour => {
  canvas.clearRect(0, 0, 1, 1);
  canvas.fillStyle = colour;
  canvas.fillRect(0, 0, 1, 1);
  const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
  return [r, g, b, a / 255];
};
const over = (top, under) => [0, 1, 2].map(i => top[i] * top[3] + under[i] * (1 - top[3]));
const luminance = colour => {
  const [r, g, b] = colour.map(c => c / 255).map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const backdrop = node => {
  const layers = [];
  for (let part = node; part; part = part.parentElement) layers.push(rgba(getComputedStyle(part).backgroundColor));
  return layers.reverse().reduce((under, layer) => over(layer, under), rgba('Canvas').slice(0, 3));
};
const texts = [...document.body.querySelectorAll('*')].filter(node =>
  !['SCRIPT', 'STYLE'].includes(node.tagName) && node.checkVisibility() &&
  [...node.childNodes].some(child => child.nodeType === 3 && child.textContent.trim()));
return texts.map(node => {
  const style = getComputedStyle(node), behind = backdrop(node);
  const ink = over(rgba(node instanceof SVGElement ? style.fill : style.color), behind);
  const [a, b] = [luminance(ink), luminance(behind)].sort((x, y) => y - x);
  return [(a + 0.05) / (b + 0.05), node.tagName + ' ' + node.textContent.trim().slice(0, 40)];
});
"""


class Browser:
    """A window of a headless Chromium.

    Attributes:
        driver: The `selenium.webdriver.Chrome` that drives it.
    """

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    def open(
        self,
        url: str,
        *,
        width: int = DESKTOP,
        height: int = 900,
        dark: bool = False,
        scripts: bool = True,
    ) -> None:
        """Open a page.

        Args:
            url: Its address; `Path.as_uri` for a file.
            width: The width of the window in CSS pixels.
            height: Its height.
            dark: Whether the page is told that the user prefers dark colours.
            scripts: Whether scripts of the page are run.
        """
        self.resize(width, height)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._command("Emulation.setEmulatedMedia", media="", features=[scheme])
        self._command("Emulation.setScriptExecutionDisabled", value=not scripts)
        for log in ("browser", "performance"):
            self.driver.get_log(log)  # drops what earlier pages have logged
        self.driver.get(url)

    def resize(self, width: int, height: int = 900) -> None:
        """Set the size of the window in CSS pixels."""
        self._command(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )

    def run(self, script: str, *arguments: Any) -> Any:
        """Return the result of a script in the page."""
        return self.driver.execute_script(script, *arguments)

    def find(self, selector: str) -> list[Any]:
        """Return the elements that match a CSS selector."""
        return self.driver.find_elements("css selector", selector)

    def errors(self) -> list[str]:
        """Return the warnings and errors on the console since the page was opened, or since the last call."""
        return [
            entry["message"]
            for entry in self.driver.get_log("browser")
            if entry["level"] in {"WARNING", "SEVERE"} and "favicon.ico" not in entry["message"]
        ]

    def requests(self) -> list[str]:
        """Return the addresses that were asked for since the page was opened, without `data:` and `blob:`."""
        messages = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        sent = [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
        return [url for url in sent if not url.startswith(("data:", "blob:"))]

    def overflowing(self) -> list[str]:
        """Return the elements that reach beyond the right edge of the window, and in no box that scrolls or cuts them."""
        return self.run(_OVERFLOWING)

    def contrasts(self) -> list[tuple[float, str]]:
        """Return the contrast of each visible text with its background, 1 to 21 as in WCAG 2, and the text's begin."""
        return [(ratio, text) for ratio, text in self.run(_CONTRASTS)]

    def screenshot(self, path: Path, *, whole: bool = True) -> None:
        """Write a picture of the page to a PNG file; of what the window shows only, unless `whole`."""
        if whole:
            width = self.run("return document.documentElement.clientWidth")
            self.resize(width, self.run("return document.documentElement.scrollHeight"))
        self.driver.save_screenshot(str(path))

    def _command(self, name: str, **parameters: Any) -> None:
        self.driver.execute_cdp_cmd(name, parameters)


def why_missing() -> str:
    """Return why no browser can be opened here; empty where one can."""
    try:
        import selenium  # noqa: F401
    except ImportError:
        return "selenium is not installed"
    missing = [str(path) for path in (CHROMIUM, DRIVER) if not path.exists()]
    return f"{' and '.join(missing)} not installed" if missing else ""


@contextmanager
def open_browser() -> Iterator[Browser]:
    """Start a browser, and end it."""
    from selenium.webdriver import Chrome, ChromeOptions
    from selenium.webdriver.chrome.service import Service

    options = ChromeOptions()
    options.binary_location = str(CHROMIUM)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    for argument in (
        "--headless=new",
        "--no-sandbox",  # which root cannot have
        "--disable-dev-shm-usage",  # containers have little of it
        "--hide-scrollbars",
    ):
        options.add_argument(argument)
    driver = Chrome(options=options, service=Service(str(DRIVER)))
    try:
        yield Browser(driver)
    finally:
        driver.quit()
