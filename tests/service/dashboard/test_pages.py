"""The pages in a real browser, on the real service."""

import csv
import io
import json
import re

import pytest
from playwright.sync_api import expect

from tests.assemblyai import STUCK
from tests.service.api.auto_repairs import LINES
from tests.service.dashboard.stack import stack

CHART = ".st-key-call-chart .js-plotly-plot"
AUDIO = ".st-key-call-player audio"
LINK = re.compile(r"analysis=an_[0-9a-z]{26}")
HOSTILE = "<b>call</b> ![x](http://evil.example/x.png) $x$"


def playing_from(page):
    """Where the player stands once it plays, in seconds; then it is stopped."""
    page.wait_for_function(f"(() => {{ const a = document.querySelector('{AUDIO}'); return a && !a.paused }})()")
    return page.evaluate(
        f"(() => {{ const a = document.querySelector('{AUDIO}'); a.pause(); return a.currentTime }})()"
    )


def upload(page, content, roles="1 customer, 2 agent"):
    sidebar = page.get_by_test_id("stSidebar")
    sidebar.locator("input[type=file]").set_input_files(
        {"name": "<b>call<b>.wav", "mimeType": "audio/wav", "buffer": content}
    )
    sidebar.get_by_role("combobox").first.click()
    page.get_by_role("option", name=roles, exact=True).click()
    page.get_by_role("button", name="Analyse", exact=True).click()


def click(page, share):
    """Click in the chart, at a share of its width."""
    area = page.locator(f"{CHART} .nsewdrag").first
    area.click(position={"x": share * area.bounding_box()["width"], "y": 30})


def drag(page, start, end):
    """Draw a span over shares of the chart's width."""
    box = page.locator(f"{CHART} .nsewdrag").first.bounding_box()
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + start * box["width"], y)
    page.mouse.down()
    page.mouse.move(box["x"] + end * box["width"], y, steps=5)
    page.mouse.up()


def downloaded(page, name):
    with page.expect_download() as waiting:
        page.get_by_role("button", name=name).click()
    return waiting.value.path().read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def real_call(shared, system):
    """A real call whose words are there: the address of its page, its analysis, and its recording."""
    content = (shared / "data" / "calls" / "auto_repairs_stereo.wav").read_bytes()
    with system.client() as client:
        answer = client.post(
            "/analyze-audio",
            files={"file": ("call.wav", content)},
            data={"channel_roles": "customer,agent", "external_id": HOSTILE},
            headers={"Prefer": "wait=30"},
        )
        with client.stream("GET", f"{answer.headers['location']}/events") as events:
            events.read()  # it ends with the analysis
        found = client.get(answer.headers["location"]).json()
    assert found["transcript"]["status"] == "completed", found["transcript"]
    return f"{system.url}/?analysis={found['id']}", found, content


def begin(system, content, **fields):
    """The id of a new analysis."""
    with system.client() as client:
        answer = client.post(
            "/analyze-audio", files={"file": ("call.wav", content)}, data=fields, headers={"Prefer": "respond-async"}
        )
    return answer.json()["id"]


def test_a_call_is_uploaded_followed_and_heard(system, visit, picture, sample_call):
    page = visit(system.url)
    expect(page.get_by_role("heading", name="Drop a call in")).to_be_visible()
    picture(page, "nothing-open")
    upload(page, sample_call.read_bytes())
    expect(page.get_by_role("progressbar").first).to_be_visible()
    picture(page, "under-way")
    expect(page.locator(CHART)).to_be_visible()
    expect(page).to_have_url(LINK)
    expect(page.get_by_text("the voice is not analysed").first).to_be_visible()
    expect(page.get_by_role("listitem")).to_have_count(len(LINES))  # the words come last
    click(page, 0.5)
    assert 21 < playing_from(page) < 30  # of 44.7 seconds
    drag(page, 0.1, 0.2)
    expect(page.get_by_role("slider").first).to_have_value(re.compile(r"^4\.[2-7]"))
    assert 4 < playing_from(page) < 12
    expect(page.get_by_text("Mel-spectrogram, dB")).to_be_visible()
    page.get_by_text("Mel-spectrogram, dB").scroll_into_view_if_needed()
    picture(page, "heard")


def test_a_real_call_with_its_words(real_call, visit, picture):
    url, found, content = real_call
    page = visit(url)
    expect(page.get_by_role("heading", name="<b>call</b> ![x](http:")).to_be_visible()  # as it is
    expect(page.locator("a[href*=evil], img[src*=evil]")).to_have_count(0)
    said = page.get_by_role("button", name=re.compile("I have been taking the bus"))
    expect(said).to_be_visible()
    expect(page.locator(CHART)).to_be_visible()
    picture(page, "words")
    # The recording is not kept by the service; the page takes it from the visitor, if it is the right one.
    page.get_by_text("Hear it: choose its recording").click()
    hear = page.get_by_test_id("stMain").locator("input[type=file]")
    hear.set_input_files({"name": "another.wav", "mimeType": "audio/wav", "buffer": content[:-100]})
    expect(page.get_by_text("This is another recording")).to_be_visible()
    hear.set_input_files({"name": "call.wav", "mimeType": "audio/wav", "buffer": content})
    expect(page.locator(AUDIO)).to_be_visible()
    said.press("Enter")  # the keyboard is enough
    line = next(line for line in LINES if line.text.startswith("I have been taking the bus"))
    assert line.start_ms / 1000 <= playing_from(page) < line.end_ms / 1000
    expect(page.locator("li.now")).to_contain_text("taking the bus")
    expect(page.get_by_role("slider").first).to_have_value("23.3")  # and it is the chosen span
    page.get_by_role("tab", name="Moments").click()
    moment = found["conversation"]["moments"][0]
    page.get_by_role("button", name=re.compile("unpleasant|part")).first.press("Enter")
    page.wait_for_function(f"Math.abs(document.querySelector('{AUDIO}').currentTime - {moment['start_ms'] / 1000}) < 8")
    picture(page, "moment")


def test_a_call_in_the_dark_with_its_card_and_what_can_be_taken_away(real_call, visit, picture):
    url, found, _ = real_call
    page = visit(url, dark=True)
    expect(page.get_by_text("I have been taking the bus")).to_be_visible()
    picture(page, "words-dark")
    page.get_by_role("tab", name="How it went").click()
    expect(page.locator(".st-key-floor .js-plotly-plot")).to_be_visible()
    page.get_by_role("tab", name="How it went").scroll_into_view_if_needed()
    picture(page, "dynamics-dark")
    page.get_by_role("tab", name="Take it away").click()
    assert json.loads(downloaded(page, re.compile("JSON")))["id"] == found["id"]
    table = list(csv.DictReader(io.StringIO(downloaded(page, re.compile("CSV")))))
    assert len(table) == len(found["timeline"]) + len(LINES)
    report = downloaded(page, re.compile("Report"))
    assert "The moments that stand out" in report
    assert "<b>call</b>" not in report
    page.get_by_role("tab", name="How far to trust it").click()
    page.get_by_role("button", name=re.compile("speech_encoder")).click()
    card = page.get_by_role("dialog")
    expect(card.get_by_text("RAVDESS").first).to_be_visible()
    expect(card.get_by_text("CC BY").first).to_be_visible()
    expect(card.get_by_text(re.compile(r"never heard: \d\d % wideband, \d\d % telephone"))).to_be_visible()
    picture(page, "card-dark")


def test_a_text(system, visit, picture):
    page = visit(f"{system.url}/text")
    box = page.get_by_role("textbox").first
    box.fill("The app is great. <b>But I have waited for three weeks!</b>")
    page.get_by_role("button", name="Analyse", exact=True).click()
    expect(page.get_by_role("listitem")).to_have_count(2)
    expect(page.get_by_role("listitem").nth(1)).to_contain_text("<b>But I have waited for three weeks!</b>")
    expect(page.get_by_text(re.compile("Sentiment: "))).to_be_visible()
    expect(page.locator(".js-plotly-plot")).to_have_count(2)
    picture(page, "text")


def test_words_that_are_still_to_come_and_words_that_never_will(system, visit, picture, sample_call):
    system.assemblyai.outcome(STUCK)
    page = visit(f"{system.url}/?analysis={begin(system, sample_call.read_bytes())}")
    expect(page.locator(CHART)).to_be_visible()
    expect(page.get_by_text("The words are on their way")).to_be_visible()
    expect(page.get_by_text("Writing down the words")).to_be_visible()
    picture(page, "words-pending")
    system.assemblyai.outcome("The file has no audio in it.")
    page.goto(f"{system.url}/?analysis={begin(system, sample_call.read_bytes())}")
    expect(page.get_by_text("What the voices say is complete")).to_be_visible()
    page.get_by_role("button", name="Try for the words again").click()
    expect(page.get_by_role("listitem")).to_have_count(len(LINES))


def test_what_failed_what_was_erased_and_what_never_was(system, visit, picture, sample_call):
    page = visit(system.url)
    upload(page, b"no recording at all")
    expect(page.get_by_text("The file is not audio that can be read")).to_be_visible()
    picture(page, "failed")
    erased = begin(system, sample_call.read_bytes())
    with system.client() as client:
        assert client.delete(f"/analyses/{erased}").is_success
    page.goto(f"{system.url}/?analysis={erased}")
    expect(page.get_by_text("The analysis was erased")).to_be_visible()
    expect(page.get_by_text("upload the recording again")).to_be_visible()
    picture(page, "erased")
    page.goto(f"{system.url}/?analysis=an_{'0' * 26}")
    expect(page.get_by_text("There is no such analysis")).to_be_visible()


def test_a_service_that_wants_a_key_and_then_is_gone(browser, visit, picture, tmp_path):
    with stack(tmp_path, with_key=True, transcribed=False) as system:
        page = visit(system.url)
        key = page.get_by_label("API key")
        expect(page.get_by_text("The request needs an API key")).to_be_visible()
        picture(page, "key-wanted")
        key.fill("v2v_wrong")
        page.get_by_role("button", name="Use this key").click()
        expect(page.get_by_text("The request needs an API key")).to_be_visible()
        key.fill(system.key)
        page.get_by_role("button", name="Use this key").click()
        expect(page.get_by_role("heading", name="Drop a call in")).to_be_visible()
        system.service.stop()
        page.get_by_role("button", name="Try the sample call").click()
        expect(page.get_by_text("No service answers at")).to_be_visible()
        picture(page, "unreachable")
        system.service.start().wait_until_ready()
        page.get_by_role("button", name="Try again").click()
        expect(page.get_by_text("No service answers at")).to_be_hidden()
        assert system.key not in system.dashboard.tail() + page.content()
