"""Opens pages of ours in Chromium as their readers do, and prints what is wrong with them, a line each; nothing: all is well.

look.py [--pictures FOLDER] PAGE...
"""

import argparse
import json
import pathlib
import re
import sys

from chromium import Chromium

MEASURE = pathlib.Path(__file__).with_name("measure.js").read_text(encoding="utf-8")
# Width in CSS pixels and scheme of each way in which a page is looked at.
VIEWS = [(1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")]

# Pictures of a page are taken in parts of this height, and no more of them.
PART = 1400
MOST_PICTURES = 4


def emulate(browser, width, scheme):
    browser.devtools("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 600)
    browser.devtools("Emulation.setEmulatedMedia", media="", features=[{"name": "prefers-color-scheme", "value": scheme}])


def requests(browser):
    """Addresses that the tab has asked for since the last look."""
    events = [json.loads(entry["message"])["message"] for entry in browser.log("performance")]
    return [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]


def seen(browser, page, pictures):
    """Everything that is wrong with one page, each as `page, view: what`."""
    url = page.resolve().as_uri()
    # As a mail program, a strict browser or a PDF maker shows it.
    browser.devtools("Emulation.setScriptExecutionDisabled", value=True)
    for width, scheme in VIEWS:
        view = f"{page.name} at {width} px, {scheme}"
        emulate(browser, width, scheme)
        requests(browser)
        browser.open(url)
        # Everything has to be within the window to be asked what lies beneath it.
        height = browser.run("return document.documentElement.scrollHeight")
        browser.devtools("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600)
        yield from (f"{view}: {problem}" for problem in browser.run(MEASURE))
        yield from (f"{view}: asks for {asked[:200]}" for asked in requests(browser) if asked != url)
        yield from (f"{view}: {entry['message']}" for entry in browser.log("browser"))
        if pictures:
            for part in range(min(MOST_PICTURES, -(-height // PART))):
                name = f"{page.stem}-{width}-{scheme}-{part + 1}.png"
                browser.picture(pictures / name, part * PART, (width, min(PART, height - part * PART)))
    emulate(browser, 1280, "dark")
    paper = browser.paper()
    if pictures:
        (pictures / f"{page.stem}.pdf").write_bytes(paper)
    pages = len(re.findall(rb"/Type\s*/Page\b", paper))
    most = browser.run("return 3 + document.querySelectorAll('section').length + Math.ceil(document.body.innerText.length / 2500)")
    if not 1 <= pages <= most:
        yield f"{page.name}: prints on {pages} pages, of which {most} would do"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--pictures", type=pathlib.Path)
    parser.add_argument("pages", type=pathlib.Path, nargs="+")
    asked = parser.parse_args()
    with Chromium() as browser:
        for page in asked.pages:
            for problem in seen(browser, page, asked.pictures):
                print(problem)


if __name__ == "__main__":
    sys.exit(main())
