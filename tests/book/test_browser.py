"""The built site in a browser: wide and narrow, light and dark."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import browser

# Every page is seen wide and light, and narrow and dark; chapters and the first page in all four ways.
LOOKS = [(1300, 1000, "light"), (390, 844, "dark")]
OTHER_LOOKS = [(1300, 1000, "dark"), (390, 844, "light")]

# A wide page cuts no line of code or output off; of a narrow one's lines so many characters are seen.
READABLE = 45

QUESTIONS = {
    "overflow": "document.documentElement.scrollWidth - window.innerWidth",
    "theme": "document.documentElement.dataset.theme",
    "formulas": "document.querySelectorAll('mjx-container').length",
    "unset": "[...document.querySelectorAll('span.math, div.math')].filter(e => !e.querySelector('mjx-container')).length",
    "errors": "document.querySelectorAll('mjx-merror, [data-mjx-error]').length",
    "plates": """[...document.querySelectorAll('.cell_output img')].filter(
        e => !['rgba(0, 0, 0, 0)', 'transparent'].includes(getComputedStyle(e).backgroundColor)).length""",
    "toggles": """[...document.querySelectorAll('.primary-toggle')].filter(e => e.offsetParent).length""",
    "paper": """(() => {
        const page = document.documentElement.dataset, theme = page.theme, faults = [];
        const closed = () => document.querySelectorAll('details:not([open]), .toggle-hidden').length;
        const before = closed();
        window.dispatchEvent(new Event('beforeprint'));
        if (closed() > 0) faults.push('something is folded on paper');
        if (page.theme !== 'light') faults.push('the paper is dark');
        window.dispatchEvent(new Event('afterprint'));
        if (closed() !== before) faults.push('what was folded stays open');
        if (page.theme !== theme) faults.push('the page stays light');
        return faults; })()""",
    "unreachable": """[...document.querySelectorAll('.admonition.dropdown, details')].filter(
        e => !e.querySelector('button, summary')).length""",
    "cut": """[...document.querySelectorAll('.cell_input pre, .cell_output pre')].filter(
        e => e.offsetParent && e.scrollWidth > e.clientWidth + 1).map(e => e.textContent.slice(0, 80))""",
    "readable": f"""[...document.querySelectorAll('.cell_input pre, .cell_output pre')].filter(e => {{
        if (!e.offsetParent) return false;
        const ruler = document.createElement('span'), style = getComputedStyle(e);
        ruler.textContent = 'x'.repeat({READABLE});
        e.appendChild(ruler);
        const room = e.clientWidth - parseFloat(style.paddingLeft) - ruler.getBoundingClientRect().width;
        ruler.remove();
        return room < 0; }}).map(e => e.textContent.slice(0, 80))""",
    "unlabelled": """[...document.querySelectorAll('button, a[href], summary')].filter(
        e => e.offsetParent && !e.textContent.trim() && !e.getAttribute('aria-label') && !e.title
             && !e.dataset.bsOriginalTitle && !e.querySelector('img[alt], svg[aria-label]')).map(e => e.outerHTML)""",
}


@pytest.fixture(scope="module")
def visits(site) -> list[dict]:
    if browser.executable() is None:
        pytest.skip(browser.ABSENT)
    names = [path.relative_to(site).as_posix() for path in sorted(site.glob("**/*.html"))]
    names = [name for name in names if not name.startswith(("_static", "_modules"))]
    chosen = [name for name in names if name.startswith("chapters/") or name == "index.html"]
    visits = [(name, look) for name in names for look in LOOKS]
    visits += [(name, look) for name in chosen for look in OTHER_LOOKS]
    return browser.visit(site, visits, QUESTIONS)


def each(visits: list[dict], key: str) -> list[tuple]:
    """What is wrong, with where: answers that are neither 0 nor empty."""
    return [(visit["page"], visit["look"], visit[key]) for visit in visits if visit[key]]


@pytest.mark.slow
def test_every_page_was_visited_in_every_look(visits):
    assert len(visits) >= 10 * len(LOOKS)
    assert {visit["theme"] for visit in visits} == {"light", "dark"}


@pytest.mark.slow
def test_no_request_leaves_the_machine(visits):
    assert each(visits, "outside") == []


@pytest.mark.slow
def test_no_error_in_the_console(visits):
    assert each(visits, "complaints") == []


@pytest.mark.slow
def test_nothing_sticks_out_at_the_side(visits):
    assert [found for found in each(visits, "overflow") if found[2] > 0] == []


@pytest.mark.slow
def test_no_line_of_code_or_output_is_cut_off_on_a_wide_page(visits):
    assert [found for found in each(visits, "cut") if found[1][0] == 1300] == []


@pytest.mark.slow
def test_the_beginning_of_each_line_is_seen_on_a_narrow_page(visits):
    assert each(visits, "readable") == []


@pytest.mark.slow
def test_every_formula_is_set(visits):
    assert each(visits, "unset") == []
    assert each(visits, "errors") == []
    assert any(visit["formulas"] > 20 for visit in visits)


@pytest.mark.slow
def test_figures_have_no_plate_behind_them(visits):
    assert each(visits, "plates") == []


@pytest.mark.slow
def test_the_sidebar_can_be_opened(visits):
    assert [visit["page"] for visit in visits if not visit["toggles"]] == []


@pytest.mark.slow
def test_everything_that_can_be_pressed_has_a_name(visits):
    assert each(visits, "unlabelled") == []


@pytest.mark.slow
def test_what_is_folded_can_be_opened_by_keyboard(visits):
    assert each(visits, "unreachable") == []


@pytest.mark.slow
def test_paper_is_light_and_nothing_on_it_is_folded(visits):
    assert each(visits, "paper") == []


@pytest.mark.slow
def test_axe_finds_nothing(visits):
    assert [json.dumps(found) for found in each(visits, "axe")] == []


@pytest.mark.slow
def test_the_stepper_of_lesson_4_is_moved_by_the_keyboard(site):
    if browser.executable() is None:
        pytest.skip(browser.ABSENT)
    with browser.opened(site, "chapters/04_automl_zero.html") as page:
        figure = page.locator(".stepper")
        says = figure.get_by_role("status")
        assert says.inner_text().startswith("Step 1 of 25, row 1: x arrives")
        assert not figure.locator("table").is_visible()
        figure.get_by_role("button", name="Forward").focus()
        for _ in range(4):
            page.keyboard.press("Enter")
        assert says.inner_text() == "Step 5 of 25, row 1: v1 = v1 + v2"
        assert figure.locator("[data-box=v1]").inner_text() == "[0.02]"
        assert figure.locator("li.now").inner_text() == "v1 = v1 + v2"
        assert figure.locator("div.new dt").all_inner_texts() == ["v1"]
        figure.get_by_role("slider").focus()
        page.keyboard.press("End")
        assert figure.locator("[data-box=v1]").inner_text() == "[2]"
        page.keyboard.press("ArrowLeft")
        assert says.inner_text().startswith("Step 24 of 25")
        figure.locator("summary").focus()
        page.keyboard.press("Enter")
        assert figure.locator("table").is_visible()


@pytest.mark.slow
def test_without_scripts_the_stepper_is_a_table(site):
    if browser.executable() is None:
        pytest.skip(browser.ABSENT)
    with browser.opened(site, "chapters/04_automl_zero.html", scripts=False) as page:
        figure = page.locator(".stepper")
        assert figure.locator("tbody tr").count() == 25
        assert figure.locator("table").is_visible()
        assert not figure.locator("button").first.is_visible()


@pytest.mark.slow
def test_the_triangle_of_lesson_5_is_moved_by_the_keyboard(site):
    if browser.executable() is None:
        pytest.skip(browser.ABSENT)
    with browser.opened(site, "chapters/05_spert.html") as page:
        figure = page.locator(".spans")
        says = figure.get_by_role("status")
        assert says.inner_text().startswith("3 spans stay, which makes 6 ordered pairs")
        assert figure.locator("g.kept").count() == 3
        assert "Ann Lee — works_for → Acme" in figure.locator(".found").inner_text()
        entities, relations = figure.get_by_role("slider").all()
        entities.focus()
        page.keyboard.press("Home")
        assert figure.locator("g.kept").count() > 3
        relations.focus()
        page.keyboard.press("End")
        assert figure.locator(".value").all_inner_texts() == ["0.01", "0.99"]
        entities.focus()
        page.keyboard.press("End")
        assert figure.locator("g.kept").count() < 3
        figure.locator("summary").focus()
        page.keyboard.press("Enter")
        assert figure.locator("tbody tr").count() == 28


@pytest.mark.slow
def test_without_scripts_the_triangle_stands_still(site):
    if browser.executable() is None:
        pytest.skip(browser.ABSENT)
    with browser.opened(site, "chapters/05_spert.html", scripts=False) as page:
        figure = page.locator(".spans")
        assert figure.locator("g.kept").count() == 3
        assert figure.locator(".found li").count() == 2
        assert not figure.get_by_role("slider").first.is_visible()


@pytest.mark.slow
def test_the_shots_of_lesson_7_are_moved_by_the_keyboard(site):
    if browser.executable() is None:
        pytest.skip(browser.ABSENT)
    with browser.opened(site, "chapters/07_once.html") as page:
        figure = page.locator(".shots")
        says = figure.get_by_role("status")
        assert "♥" in says.inner_text()
        assert figure.locator("svg rect.new").count() == 1
        known = figure.locator("svg rect").count()  # the heart shares a box with a square
        shots, threshold = figure.get_by_role("slider").all()
        shots.focus()
        page.keyboard.press("Home")
        assert figure.locator("svg rect.new").count() == 0
        assert figure.locator("svg rect").count() == known
        assert figure.locator(".value").all_inner_texts() == ["0", "0.30"]
        threshold.focus()
        page.keyboard.press("Home")
        assert figure.locator("svg rect").count() > known
        page.keyboard.press("End")
        assert says.inner_text() == "Found: nothing."
        figure.locator("summary").focus()
        page.keyboard.press("Enter")
        assert figure.locator("tbody tr").count() > 20


@pytest.mark.slow
def test_without_scripts_the_picture_has_its_boxes(site):
    if browser.executable() is None:
        pytest.skip(browser.ABSENT)
    with browser.opened(site, "chapters/07_once.html", scripts=False) as page:
        figure = page.locator(".shots")
        assert figure.locator("svg rect.new").count() == 1
        assert not figure.get_by_role("slider").first.is_visible()


@pytest.mark.slow
def test_the_copies_of_lesson_2_are_moved_by_the_keyboard(site):
    if browser.executable() is None:
        pytest.skip(browser.ABSENT)
    with browser.opened(site, "chapters/02_maxup.html") as page:
        figure = page.locator(".surface")
        says, still = figure.get_by_role("status"), figure.locator("circle.worst")
        before = says.inner_text()
        assert "Its 4 copies" in before
        assert figure.locator("circle").count() == 4
        assert still.count() == 1
        copies, noise = figure.get_by_role("slider").all()
        copies.focus()
        page.keyboard.press("End")
        assert figure.locator("circle").count() == 10
        assert figure.locator(".value").all_inner_texts() == ["10", "0.30"]
        page.keyboard.press("Home")
        assert "Its 1 copy:" in says.inner_text()
        assert figure.locator("circle.worst").count() == 1
        noise.focus()
        page.keyboard.press("Home")
        own = says.inner_text().split("own loss is ")[1].split(". ")[0]
        assert f"{own} on average, {own} the worst" in says.inner_text()
        assert noise.get_attribute("aria-valuetext") == "0.00"
        figure.locator("summary").focus()
        page.keyboard.press("Enter")
        assert figure.locator("tbody tr").count() == 10


@pytest.mark.slow
def test_without_scripts_the_surface_has_four_copies(site):
    if browser.executable() is None:
        pytest.skip(browser.ABSENT)
    with browser.opened(site, "chapters/02_maxup.html", scripts=False) as page:
        figure = page.locator(".surface")
        assert figure.locator("circle").count() == 4
        assert "Its 4 copies" in figure.get_by_role("status").inner_text()
        assert not figure.get_by_role("slider").first.is_visible()
