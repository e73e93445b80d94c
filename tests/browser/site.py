#!/usr/bin/env python3
"""Opens the built site in a headless Chromium, from file://, as a reader would.

site.py HTML pages        every page: no console error, no failed request, no formula error
site.py HTML use          search, light and dark, filters, keyboard, narrow screen; screenshots
site.py HTML newcomer     five questions of a newcomer: three clicks, or one search
site.py HTML viewer       the page of a lesson's run: keys, pointer, hidden cells, its own arithmetic
site.py HTML axe AXE_JS   no serious violation of accessibility rules on one page of each kind
"""
import json
import pathlib
import re
import shutil
import sys
import tempfile

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
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
    if not (html / name.split("#")[0].split("?")[0]).is_file():
        fault(name, "there is no such page")
    driver.get((html / name).as_uri() if "#" not in name and "?" not in name else html.as_uri() + "/" + name)


def wait(driver, what, seconds=10):
    return WebDriverWait(driver, seconds).until(what)


def screen(driver, width, height=900, mode=None):
    """A window cannot be as narrow as a phone; an emulated screen can."""
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride",
                           {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600})
    if mode:
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia",
                               {"features": [{"name": "prefers-color-scheme", "value": mode}]})


def text_of(driver):
    return re.sub(r"\s+", " ", driver.execute_script(
        "return (document.getElementById('doc-content') || document.body).innerText"))


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

    open_page(driver, "index.html")  # a result leads to its place on the page, not to the page's top
    found = search(driver, "residual and layernorm lesson 5")
    driver.get(html.as_uri() + "/" + found[0][0])
    heading = driver.execute_script(
        "const e = document.getElementById(location.hash.slice(1)); return e ? e.parentElement.innerText : ''")
    if "residual and layernorm" not in heading.lower():
        fault("search", f"the result {found[0]} leads to '{heading[:60]}'")

    open_page(driver, "lesson_13.html")
    before = background(driver)
    driver.find_element(By.ID, "theme-toggle").click()
    after = background(driver)
    if before == after:
        fault("lesson_13.html", "the button does not change light and dark")
    driver.save_screenshot(str(shots / "lesson_13_dark.png"))
    driver.execute_script("dispatchEvent(new Event('beforeprint'))")
    if background(driver) != before:
        fault("lesson_13.html", "dark colours would be printed")
    driver.execute_script("dispatchEvent(new Event('afterprint'))")
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

    driver.execute_script("localStorage.removeItem('headlight-theme')")

    lessons = sorted(path.stem for path in html.glob("lesson_??.html"))
    for name in ["index", "book", "claims", "claim_tally", "report_errors", "not_checkable", "course", "getting_started",
                 "notation", "glossary", "library_guide", "performance", "pitfalls", "decisions", "contributing", "changelog",
                 "kill_matrix", "planted_faults", "structheadlight_1_1HeadTraceOf", "head_8hpp"] + lessons:
        for width, mode in ((1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")):
            screen(driver, width, 900, mode)
            open_page(driver, name + ".html")
            driver.save_screenshot(str(shots / f"{name}_{width}_{mode}.png"))
            over = driver.execute_script(
                "const c = document.getElementById('doc-content') || document.body;"
                "return Math.max(c.scrollWidth - c.clientWidth, document.body.scrollWidth - innerWidth)")
            tall = driver.execute_script("return document.documentElement.scrollHeight - innerHeight")
            if width > 800 and tall > 2:
                fault(name + ".html", f"the frame is {tall} pixels taller than the window")
            if over > 2:
                fault(name + ".html", f"{over} pixels too wide for a screen of {width}")
            small = driver.execute_script(
                "return [...document.querySelectorAll('#doc-content *')].filter(e => !e.closest('.katex, svg, script') &&"
                "[...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()) &&"
                "parseFloat(getComputedStyle(e).fontSize) < 12).length")
            if small:
                fault(name + ".html", f"{small} texts are smaller than 12 pixels")
    screen(driver, 1280)
    check_console(driver, "use")
    print(f"screenshots: {shots}")


# What a newcomer asks; the links to click, from the first page on; one search; words that the page found must hold.
QUESTIONS = [
    ("how to run lesson 13", ["Getting started"], "run lesson 13", ["./headlight lesson 13"]),
    ("what ALiBi's slopes are, and the report's sign", ["The lessons", "Positions: rotary, relative, ALiBi"], "alibi slopes sign",
     ["slope", "sign"]),
    ("the shape of hook_z", ["Notation and shapes"], "hook_z shape", ["hook_z", "head", "d_head"]),
    ("how to do exercise 05.1", ["The course"], "exercise 05.1", ["05.1", "./headlight check 05.1"]),
    ("how to trace an own GPT-2 folder", ["Getting started, part 4"], "trace gpt-2 folder",
     ["--model gpt2/", "model.safetensors"]),
]


def newcomer(driver):
    screen(driver, 1280)
    for question, clicks, words, wanted in QUESTIONS:
        open_page(driver, "index.html")
        for label in clicks:
            links = [link for link in driver.find_elements(By.CSS_SELECTOR, "#doc-content a")
                     if link.text.strip() == label]
            if not links:
                fault(question, f"no link '{label}' on {driver.current_url}")
                break
            links[0].click()
        for word in wanted:
            if word not in text_of(driver):
                fault(question, f"'{word}' does not stand where {len(clicks)} clicks lead: {driver.current_url}")
        open_page(driver, "index.html")
        found = search(driver, words)
        if not found or not found[0][0]:
            fault(question, f"the search for '{words}' finds nothing")
            continue
        for url, _ in found[:3]:  # what one sees without scrolling
            open_page(driver, url)
            if all(word in text_of(driver) for word in wanted):
                break
        else:
            fault(question, f"the first three results of '{words}' do not answer: {[url for url, _ in found[:3]]}")
        check_console(driver, question)
    print(f"{len(QUESTIONS)} questions asked, by clicks and by search")


def viewer(driver):
    def live():
        return driver.find_element(By.CSS_SELECTOR, ".hv-live").text

    def cell(i, j):
        return driver.find_element(By.CSS_SELECTOR, f".head-viewer [role=grid] tbody tr:nth-child({i + 1}) td:nth-child({j + 2})")

    def expect(page, head, i, j, how):
        hidden = head["masked"][i][j] == "-inf"
        wanted = f"“{head['queries'][i]}” looks at “{head['keys'][j]}”: "
        wanted += "hidden" if hidden else f"score {head['masked'][i][j]:.4f}, weight {head['pattern'][i][j]:.4f}"
        if not live().replace("−", "-").startswith(wanted):
            fault(page, f"after {how} it says '{live()}', wanted '{wanted}'")
        detail = driver.find_element(By.CSS_SELECTOR, ".hv-detail").text.replace("−", "-")
        for q, k in zip(head["query"][i], head["key"][j]):
            for number in (q, k, q * k):
                if f"{number if abs(number) >= 5e-5 else 0:.4f}" not in detail:
                    fault(page, f"after {how} the term {number:.4f} of q.k is not shown")
        for y in head["output"][i]:
            if f"{y if abs(y) >= 5e-5 else 0:.4f}" not in detail:
                fault(page, f"after {how} the output {y:.4f} is not the sum shown")

    pages_seen = 0
    for page in sorted(path.name for path in html.glob("*.html")
                       if path.name.startswith(("run_", "lesson_")) and "head-viewer" in path.read_text(encoding="utf-8")):
        pages_seen += 1
        screen(driver, 1280, 900, "light")
        open_page(driver, page)
        head = json.loads(driver.execute_script(
            "return document.querySelector('.head-viewer script').textContent"))["heads"][0]
        rows, columns = len(head["queries"]), len(head["keys"])
        expect(page, head, rows - 1, 0, "opening")
        cell(rows - 1, 0).click()
        for key, i, j in ((Keys.ARROW_RIGHT, rows - 1, 1), (Keys.ARROW_UP, rows - 2, 1), (Keys.END, rows - 2, columns - 1),
                          (Keys.ARROW_RIGHT, rows - 2, columns - 1), (Keys.HOME, rows - 2, 0), (Keys.ARROW_DOWN, rows - 1, 0),
                          (Keys.ARROW_DOWN, rows - 1, 0)):
            driver.switch_to.active_element.send_keys(key)
            expect(page, head, i, j, f"the key {key!r}")
        ActionChains(driver).move_to_element(cell(1, 0)).perform()
        expect(page, head, 1, 0, "the pointer")
        for i in range(rows):
            for j in range(columns):
                hatched = "gradient" in cell(i, j).value_of_css_property("background-image")
                if hatched != (head["masked"][i][j] == "-inf"):
                    fault(page, f"cell {i}, {j} is {'' if hatched else 'not '}hatched")
        apart = float(driver.find_element(By.CSS_SELECTOR, ".hv-trust").get_attribute("data-apart"))
        if not apart < 1e-12:  # sums of a handful of terms in double
            fault(page, f"its own arithmetic is {apart} from the recorded numbers")
        selects = driver.find_elements(By.CSS_SELECTOR, ".hv-left select")
        if selects:
            selects[0].send_keys(Keys.ARROW_DOWN)
            chosen = json.loads(driver.execute_script(
                "return document.querySelector('.head-viewer script').textContent"))["heads"][1]
            expect(page, chosen, 1, 0, "choosing the next head")
        check_console(driver, page)
        for width, mode in ((1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")):
            screen(driver, width, 900, mode)
            open_page(driver, page)
            driver.execute_script("document.querySelector('.head-viewer').scrollIntoView()")
            shots.mkdir(exist_ok=True)
            driver.save_screenshot(str(shots / f"viewer_{page[:-5]}_{width}_{mode}.png"))
    if pages_seen < 12:  # six lessons, each on its own page and in the book
        fault("viewer", f"{pages_seen} pages hold a head to look at")

    # The control: a number that does not belong there is noticed by the page itself.
    name = next(path for path in sorted(html.glob("run_*.html")) if "head-viewer" in path.read_text(encoding="utf-8"))
    text = name.read_text(encoding="utf-8")
    begin = text.index('"output":[[') + len('"output":[[')
    wrong = text[:begin] + "1" + text[begin:]
    with tempfile.TemporaryDirectory() as folder:
        copy = pathlib.Path(folder) / "wrong.html"
        copy.write_text(wrong, encoding="utf-8")
        driver.get(copy.as_uri())
        said = driver.find_element(By.CSS_SELECTOR, ".hv-trust").text
        if "DIFFERS" not in said:
            fault("viewer", f"a wrong number was planted, and the page says '{said}'")
    print(f"{pages_seen} pages with heads to look at")


def axe(driver, source):
    script = pathlib.Path(source).read_text(encoding="utf-8")
    names = ["index", "book", "run_05", "run_02", "lesson_05", "lesson_13", "lesson_08", "claims", "report_errors", "claim_tally", "glossary",
             "notation", "course", "library_guide", "getting_started", "performance", "pitfalls", "namespaceheadlight",
             "head_8hpp", "head_8hpp_source", "structheadlight_1_1HeadTraceOf", "files", "annotated"]
    for name in names:
        for mode in ("light-mode", "dark-mode"):
            if mode == "dark-mode" and name not in ("index", "lesson_05", "lesson_13", "claims", "head_8hpp", "run_05"):
                continue
            screen(driver, 1280, 900, mode[:-5])
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
        {"pages": pages, "use": use, "newcomer": newcomer, "viewer": viewer,
         "axe": lambda d: axe(d, sys.argv[3])}[sys.argv[2]](driver)
    finally:
        driver.quit()
        shutil.rmtree(profile, ignore_errors=True)
    for line in faults:
        print(line, file=sys.stderr)
    sys.exit(1 if faults else 0)


main()
