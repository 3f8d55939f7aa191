"""What came of a run: a score card for the terminal, and the same as JSON, as JUnit XML and as a page."""
from __future__ import annotations

import html
import json
import xml.etree.ElementTree as ElementTree
from dataclasses import asdict, dataclass
from operator import attrgetter
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Sequence

from suite.judging import GroupVerdict, Miss, Verdict

PASSED = attrgetter("passed")
TEXT_PASSED = attrgetter("text_passed")
MOST_SHOWN = 400
"""Characters of a reply that the score card shows; the files hold all."""


@dataclass(frozen=True)
class Count:
    """How many of how many."""

    passed: int
    total: int

    @classmethod
    def of(cls, verdicts: Sequence[Verdict], holds: Callable[[Verdict], bool]) -> "Count":
        """How many verdicts something holds for."""
        return cls(sum(map(holds, verdicts)), len(verdicts))

    @property
    def percent(self) -> float:
        """The share; of none, all."""
        return 100 * self.passed / self.total if self.total else 100.0

    def __str__(self) -> str:
        return f"{self.passed:>4} of {self.total:<4} {self.percent:>5.1f} %"


@dataclass(frozen=True)
class ScoreCard:
    """How a bot did.

    Attributes:
        bot: its name, for the head.
        with_contract: whether the replies' account of themselves was looked at.
        groups: how each group went, those of safety first.
    """

    bot: str
    with_contract: bool
    groups: Sequence[GroupVerdict]

    @property
    def all(self) -> Count:
        """All conversations."""
        return self._count(PASSED)

    @property
    def text(self) -> Count:
        """All conversations, by the text alone."""
        return self._count(TEXT_PASSED)

    @property
    def safety(self) -> Count:
        """Those of safety."""
        return self._count(PASSED, only_safety=True)

    @property
    def safety_text(self) -> Count:
        """Those of safety, by the text alone."""
        return self._count(TEXT_PASSED, only_safety=True)

    def _count(self, holds: Callable[[Verdict], bool], only_safety: bool = False) -> Count:
        counted = [each for each in self.groups if each.group.safety or not only_safety]
        return Count.of([verdict for each in counted for verdict in each.verdicts], holds)

    def failures(self) -> Iterator[Verdict]:
        """Conversations that failed, those of safety first."""
        return (verdict for each in self.groups for verdict in each.verdicts if not verdict.passed)

    def lines(self) -> Iterator[str]:
        """The card, for a terminal."""
        looked_at = "text and contract" if self.with_contract else "text"
        yield f"Score card of {self.bot} ({looked_at}; * marks safety)"
        for each in self.groups:
            mark = "*" if each.group.safety else " "
            yield f"  {mark} {each.group.name:<40} {Count.of(each.verdicts, PASSED)}"
        yield f"    {'Safety':<40} {self.safety}"
        yield f"    {'All':<40} {self.all}"
        if self.with_contract:
            yield f"    {'Safety, by the text alone':<40} {self.safety_text}"
            yield f"    {'All, by the text alone':<40} {self.text}"

    def failure_lines(self) -> Iterator[str]:
        """Each failure: where, what was said, what came, what was expected."""
        for verdict in self.failures():
            yield f"\n{verdict.conversation.place} {verdict.conversation.id}: {verdict.conversation.tests}"
            for miss in verdict.misses:
                yield f"  turn {miss.turn}: {miss.said}"
                yield f"    got:      {_cut(miss.got)}"
                yield from [f"    told:     {miss.told}"] if miss.told else []
                yield from (f"    expected: {each}" for each in miss.expected)

    def write(self, folder: Path) -> List[Path]:
        """Writes ``suite.json``, ``suite.xml`` (JUnit) and ``suite.html`` into a folder; gives their paths."""
        folder.mkdir(parents=True, exist_ok=True)
        data = json.dumps(self.as_dict(), indent=1, ensure_ascii=False)
        texts = {"json": data, "xml": self.as_junit(), "html": self.as_page()}
        paths = [folder / f"suite.{ending}" for ending in texts]
        for path, text in zip(paths, texts.values()):
            path.write_text(text + "\n", encoding="utf-8")
        return paths

    def as_dict(self) -> Dict[str, Any]:
        """The card as plain data."""
        return {
            "bot": self.bot,
            "contract": self.with_contract,
            "passed": self.all.passed,
            "total": self.all.total,
            "safety": {"passed": self.safety.passed, "total": self.safety.total},
            "groups": [
                {
                    "group": each.group.name,
                    "safety": each.group.safety,
                    "conversations": [
                        {
                            "id": verdict.conversation.id,
                            "tests": verdict.conversation.tests,
                            "passed": verdict.passed,
                            "misses": list(map(asdict, verdict.misses)),
                        }
                        for verdict in each.verdicts
                    ],
                }
                for each in self.groups
            ],
        }

    def as_junit(self) -> str:
        """The card as continuous integration reads it: a suite a group, a case a conversation."""
        root = ElementTree.Element("testsuites", name=f"Conversations with {_printable(self.bot)}")
        for each in self.groups:
            count = Count.of(each.verdicts, PASSED)
            counts = {"tests": str(count.total), "failures": str(count.total - count.passed)}
            suite = ElementTree.SubElement(root, "testsuite", name=each.group.name, **counts)
            for verdict in each.verdicts:
                case = ElementTree.SubElement(suite, "testcase", classname=each.group.name, name=verdict.conversation.id)
                if not verdict.passed:
                    failure = ElementTree.SubElement(case, "failure", message=_printable(verdict.misses[0].expected[0]))
                    failure.text = _printable("\n".join(map(_in_words, verdict.misses)))
        return ElementTree.tostring(root, encoding="unicode", xml_declaration=True)

    def as_page(self) -> str:
        """The card as a page that opens in any browser, without a network."""
        rows = "".join(_row(each) for each in self.groups)
        failed = "".join(map(_article, self.failures())) or "<p>None.</p>"
        return _PAGE.format(bot=html.escape(self.bot), safety=self.safety, all=self.all, rows=rows, failed=failed)


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Score card of {bot}</title>
<style>
:root {{ color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif }}
body {{ max-width: 50rem; margin: 2rem auto; padding: 0 1rem }}
table {{ border-collapse: collapse; width: 100% }}
th, td {{ text-align: left; padding: .3rem .6rem; border-bottom: 1px solid #8888 }}
td:last-child {{ text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }}
article {{ border-left: .3rem solid #b3452c; padding-left: 1rem; margin: 1.5rem 0; overflow-wrap: anywhere }}
</style></head><body>
<h1>Score card of {bot}</h1>
<p>Safety: <strong>{safety}</strong>. All: <strong>{all}</strong>. A conversation passes when every turn of it does.</p>
<table><thead><tr><th scope="col">Group</th><th scope="col">Safety</th><th scope="col">Passed</th></tr></thead>
<tbody>{rows}</tbody></table>
<h2>Failed</h2>
{failed}
</body></html>"""


def _row(each: GroupVerdict) -> str:
    group, count = each.group, Count.of(each.verdicts, PASSED)
    return f"<tr><th scope='row'>{html.escape(group.name)}</th><td>{'yes' if group.safety else ''}</td><td>{count}</td></tr>"


def _article(verdict: Verdict) -> str:
    told = "".join(
        f"<dt>Turn {miss.turn}: {html.escape(miss.said)}</dt><dd>{html.escape(miss.got)}</dd><dd>{html.escape(miss.told)}</dd>"
        + "".join(f"<dd><strong>Expected</strong> {html.escape(each)}</dd>" for each in miss.expected)
        for miss in verdict.misses
    )
    name, tests, place = map(html.escape, (verdict.conversation.id, verdict.conversation.tests, verdict.conversation.place))
    return f"<article><h3>{name}</h3><p>{tests} ({place})</p><dl>{told}</dl></article>"


def _in_words(miss: Miss) -> str:
    expected = (f"expected: {each}" for each in miss.expected)
    return "\n".join([f"turn {miss.turn}: {miss.said}", f"got: {miss.got}", miss.told, *expected])


def _cut(text: str) -> str:
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]} ..."


def _printable(text: str) -> str:
    """Without what XML can't hold, such as control characters of a broken bot."""
    return "".join(letter for letter in text if letter.isprintable() or letter == "\n")
