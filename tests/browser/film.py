"""A short moving picture of what a person does at the page, for the README."""

import io
from pathlib import Path
from typing import Any

from PIL import Image

QUALITY = 80


class Film:
    """Frames of the page, each shown for a time of its own."""

    def __init__(self, page: Any, width: int) -> None:
        self.page = page
        self.width = width
        self.frames: list[Image.Image] = []
        self.times_ms: list[int] = []

    def frame(self, ms: int) -> None:
        """Take the page as it is now, to be shown for `ms`. A still page only lasts longer."""
        picture = Image.open(io.BytesIO(self.page.screenshot())).convert("RGB")
        height = round(picture.height * self.width / picture.width)
        picture = picture.resize((self.width, height), Image.Resampling.LANCZOS)
        if self.frames and picture.tobytes() == self.frames[-1].tobytes():
            self.times_ms[-1] += ms
            return
        self.frames.append(picture)
        self.times_ms.append(ms)

    def watch(self, seconds: float, *, every: float, shown_ms: int) -> None:
        """A frame `every` so many seconds, shown faster than it was: for what takes long."""
        for _ in range(max(1, round(seconds / every))):
            self.page.wait_for_timeout(1000 * every)
            self.frame(shown_ms)

    def save(self, path: Path) -> None:
        """Write an animated WebP that begins anew for ever."""
        path.parent.mkdir(parents=True, exist_ok=True)
        first, *others = self.frames
        first.save(
            path,
            save_all=True,
            append_images=others,
            duration=self.times_ms,
            loop=0,
            quality=QUALITY,
            method=6,
        )
