#!/usr/bin/env python3
"""Opens the built site in a headless Chromium, from file://, as a reader would.

site.py HTML pages        every page: no console error, no failed request, no formula error
site.py HTML use          search, light and dark, filters, keyboard, narrow screen; screenshots
site.py HTML axe AXE_JS   no serious violation of accessibility rules on one page of each kind
"""
import os
import pathlib
import shutil
import sys
import tempfile

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync",
         "--disable-dev-shm-usage", "--hide-scrollbars"]

html = pathlib.Path(sys.argv[1]).resolve()
shots = html.parent / "screenshots"
faults = []


def fault(page, what):
    faults.append(f"{page}: {what}")


def open_page(driver, name):
    driver.get((html / name).as_uri() if "#" not in name and "?" not in name else html.as_uri() + "/" + name)


def wait(driver, what, seconds=10):
    return WebDriverWait(driver, seconds).until(what)


def check_console(driver, name):
    for entry in driver.get_log("browser"):
        if entry["level"] in ("SEVERE", "WARNING"):
            fault(name, entry["message"])


def pages(driver):
    names = sorted(path.relative_to(html).as_posix() for path in html.rglob("*.html"))
    driver.set_network_conditions(offline=True, latency=0, download_throughput=0, upload_throughput=0)
    for name in names:
        open_page(driver, name)
        wrong = driver.execute_script(
            "return [...document.querySelectorAll('.katex-error')].map(e => e.textContent)")
        for formula in wrong:
            fault(name, f"formula error: {formula}")
        raw = driver.execute_script(
            "return [...document.querySelectorAll('p, td, li, dd')].filter(e => /\\\\\\(|\\\\\\[/.test("
            "[...e.childNodes].filter(n => n.nodeType === 3).map(n => n.data).join(''))).length")
        if raw:
            fault(name, f"{raw} formulas were left as text")
        check_console(driver, name)
    print(f"{len(names)} pages opened")


def search(driver, words):
    box = driver.find_element(By.ID, "site-search-input")
    box.send_keys(Keys.CONTROL, "a")
    box.send_keys(words)
    wait(driver, lambda d: d.execute_script(
        "return window.headlightIndex && !document.getElementById('site-search-results').hidden"))
    return [(e.get_attribute("data-url") or "", e.text)
            for e in driver.find_elements(By.CSS_SELECTOR, "#site-search-results [role=option]")]


def expect_found(driver, words, page):
    found = search(driver, words)
    if not any(page in url or text.startswith(page) for url, text in found[:8]):
        fault("search", f"{words!r} does not find {page} among the first eight: {found[:8]}")


def background(driver):
    return driver.execute_script("return getComputedStyle(document.body).backgroundColor")


def use(driver):
    shots.mkdir(exist_ok=True)
    open_page(driver, "index.html")
    driver.find_element(By.TAG_NAME, "body").send_keys("/")
    if driver.switch_to.active_element.get_attribute("id") != "site-search-input":
        fault("search", "the key / does not lead to the search box")
    expect_found(driver, "hook_z", "notation.html")
    expect_found(driver, "alibi slopes", "lesson_13.html")
    expect_found(driver, "05.1", "course.html")
    expect_found(driver, "gpt-2 folder", "getting_started.html")
    expect_found(driver, "softmax_rows", "softmax_rows()")
    expect_found(driver, "C13-25", "claims.html")
    if search(driver, "zzqqxx")[0][0]:
        fault("search", "a word that stands nowhere was found")
    search(driver, "equivar")  # the beginning of a word inside pages
    driver.save_screenshot(str(shots / "search.png"))
    box = driver.find_element(By.ID, "site-search-input")
    box.send_keys(Keys.ARROW_DOWN, Keys.ENTER)
    wait(driver, lambda d: "index.html" not in d.current_url)

    open_page(driver, "lesson_13.html")
    before = background(driver)
    driver.find_element(By.ID, "theme-toggle").click()
    after = background(driver)
    if before == after:
        fault("lesson_13.html", "the button does not change light and dark")
    driver.save_screenshot(str(shots / "lesson_13_dark.png"))
    open_page(driver, "claims.html")
    if background(driver) != after:
        fault("claims.html", "the choice of light or dark is not kept")
    driver.execute_script("document.documentElement.className = 'light-mode'")

    driver.execute_script(
        "const f = document.getElementById('claim-filter'); f.section.value = '13'; f.verdict.value = 'false';"
        "f.dispatchEvent(new Event('input'))")
    shown = driver.execute_script(
        "return [...document.querySelectorAll('tr.claim')].filter(r => !r.hidden).map(r => r.dataset.section + r.dataset.verdict)")
    if not shown or any(row != "13false" for row in shown):
        fault("claims.html", f"the filter shows {len(shown)} rows, among them others than asked for")
    driver.save_screenshot(str(shots / "claims_filtered.png"))

    for name in ("index", "lesson_05", "lesson_13", "claims", "glossary", "library_guide", "performance", "course"):
        for width in (1300, 390):
            driver.set_window_size(width, 900)
            open_page(driver, name + ".html")
            driver.save_screenshot(str(shots / f"{name}_{width}.png"))
            over = driver.execute_script(
                "const c = document.getElementById('doc-content') || document.body;"
                "return Math.max(c.scrollWidth - c.clientWidth, document.body.scrollWidth - innerWidth)")
            tall = driver.execute_script("return document.documentElement.scrollHeight - innerHeight")
            if width > 800 and tall > 2:
                fault(name + ".html", f"the frame is {tall} pixels taller than the window")
            if over > 2:
                fault(name + ".html", f"{over} pixels too wide for a screen of {width}")
    driver.set_window_size(1300, 900)
    check_console(driver, "use")
    print(f"screenshots: {shots}")


def axe(driver, source):
    script = pathlib.Path(source).read_text(encoding="utf-8")
    names = ["index", "book", "lesson_05", "lesson_13", "lesson_08", "claims", "report_errors", "claim_tally", "glossary",
             "notation", "course", "library_guide", "getting_started", "performance", "pitfalls", "namespaceheadlight",
             "head_8hpp", "head_8hpp_source", "structheadlight_1_1HeadTraceOf", "files", "annotated"]
    for name in names:
        for mode in ("light-mode", "dark-mode"):
            if mode == "dark-mode" and name not in ("index", "lesson_13", "claims", "head_8hpp"):
                continue
            open_page(driver, name + ".html")
            driver.execute_script("document.documentElement.className = arguments[0]", mode)
            driver.execute_script(script)
            result = driver.execute_async_script(
                "const done = arguments[0]; axe.run(document, {resultTypes: ['violations']}).then(done)")
            for violation in result["violations"]:
                if violation["impact"] in ("serious", "critical"):
                    nodes = [node["html"][:110] for node in violation["nodes"]]
                    fault(f"{name}.html ({mode})", f"{violation['id']}: {violation['help']}: {len(nodes)}x {nodes[:2]}")
    print(f"{len(names)} pages seen by axe")


def main():
    if not (html / "index.html").is_file():
        sys.exit(f"no site at {html}")
    profile = tempfile.mkdtemp(prefix="headlight-browser-")
    options = Options()
    options.binary_location = shutil.which("chromium") or "/usr/bin/chromium"
    for flag in FLAGS + [f"--user-data-dir={profile}", "--window-size=1300,900"]:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(service=Service(shutil.which("chromedriver") or "/usr/bin/chromedriver"), options=options)
    driver.set_script_timeout(120)
    try:
        if sys.argv[2] == "pages":
            pages(driver)
        elif sys.argv[2] == "use":
            use(driver)
        else:
            axe(driver, sys.argv[3])
    finally:
        driver.quit()
        shutil.rmtree(profile, ignore_errors=True)
    for line in faults:
        print(line, file=sys.stderr)
    sys.exit(1 if faults else 0)


main()
