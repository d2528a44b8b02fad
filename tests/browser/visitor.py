"""What a person does at the page."""

import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

ANSWER_MS = 60_000


class Visitor:
    def __init__(self, page: Any, url: str, shots: Path) -> None:
        self.page = page
        self.url = url
        self.shots = shots
        self.hosts: set[str] = set()
        """Every host that the page has asked for anything."""
        self.errors: list[str] = []
        page.on("request", lambda request: self.hosts.add(urlsplit(request.url).netloc))
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    def open(self, path: str = "/") -> None:
        self.page.goto(self.url + path)
        self.page.wait_for_selector("#chat-input", timeout=ANSWER_MS)

    def reload(self) -> None:
        self.page.reload()
        self.page.wait_for_selector("#chat-input", timeout=ANSWER_MS)

    def attach(self, *files: Path) -> None:
        self.page.set_input_files("#upload-button-input", [str(file) for file in files])
        for file in files:
            self.page.wait_for_selector(f"text={file.name}", timeout=ANSWER_MS)
        self.page.wait_for_selector("button#chat-submit:not([disabled])", timeout=ANSWER_MS)

    def say(self, text: str) -> None:
        self.page.click("#chat-input")
        self.page.keyboard.type(text)
        # A page that has just opened is not connected yet, and would leave the words standing.
        self.page.wait_for_selector("button#chat-submit:not([disabled])", timeout=ANSWER_MS)
        self.page.keyboard.press("Enter")

    def press(self, label: str) -> None:
        """The newest button with this label."""
        self.page.locator(f"button:has-text('{label}')").last.click()

    def wait_for(self, text: str, seconds: float = ANSWER_MS / 1000) -> None:
        self.page.locator(f"text={text}").last.wait_for(timeout=1000 * seconds)

    def wait_until_answered(self) -> None:
        """The stop button is gone, and with it the turn is over."""
        self.page.wait_for_timeout(300)
        self.page.wait_for_selector("#stop-button", state="detached", timeout=ANSWER_MS)

    def scroll_to(self, text: str) -> None:
        self.page.locator(f"text={text}").last.evaluate("one => one.scrollIntoView()")

    def sees(self, text: str) -> bool:
        return bool(self.page.locator(f"text={text}").count())

    def text(self) -> str:
        return str(self.page.inner_text("body"))

    def thread(self) -> str:
        """The path of the thread that the page shows."""
        return urlsplit(self.page.url).path

    def shot(self, name: str) -> None:
        """Keep a picture, once charts and images have come."""
        time.sleep(1.0)
        self.page.screenshot(path=self.shots / f"{name}.png")
