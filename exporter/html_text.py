"""HTML to the text that it shows."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Final

_INLINE: Final = frozenset({"a", "abbr", "b", "cite", "em", "i", "q", "small", "span", "strong", "sub", "sup", "u"})
_HIDDEN: Final = frozenset({"script", "style"})


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002 - HTMLParser's
        self._hidden += tag in _HIDDEN
        self._end_word(tag)

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in _HIDDEN and self._hidden > 0
        self._end_word(tag)

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.parts.append(data)

    def _end_word(self, tag: str) -> None:
        # "<p>one</p><p>two</p>" are two words, "<b>o</b>ne" is one
        if tag not in _INLINE:
            self.parts.append(" ")


def html_text(html: str) -> str:
    """The text of an HTML fragment on one line; broken HTML gives what can be made of it."""
    parser = _Text()
    parser.feed(html)
    parser.close()
    return " ".join("".join(parser.parts).split())
