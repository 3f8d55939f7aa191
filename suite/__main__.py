"""``python -m suite URL``: scores a bot. Its README says how."""
from __future__ import annotations

import argparse
import importlib
import os
import sys
import uuid
from pathlib import Path
from typing import Optional, Sequence

from suite.bots import Bot, RestBot, Unanswered
from suite.judging import run
from suite.reading import FOLDER, SuiteError, read_suite
from suite.score_card import ScoreCard


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Runs the suite; the status is 0, 1 where less passes than ``--floor`` says, or 2 where it could not be run."""
    options = _parser().parse_args(arguments)
    try:
        suite = read_suite(options.suite)
        bot = _bot(options.bot, options.url)
        bot.say(f"suite-{uuid.uuid4().hex}", "Hello")
    except (SuiteError, Unanswered) as error:
        print(error, file=sys.stderr)
        return 2
    card = ScoreCard(options.url, options.contract, run(suite, bot, options.contract, options.at_once))
    paths = card.write(options.out)
    print("\n".join([*card.failure_lines(), "", *card.lines(), "", f"Written: {', '.join(map(str, paths))}"]))
    return int(min(card.all.percent, card.safety.percent) < options.floor)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m suite", description="Scores a bot that answers questions about dystonia.")
    parser.add_argument("url", help="the bot's webhook, such as http://127.0.0.1:5005/webhooks/rest/webhook")
    parser.add_argument("--contract", action="store_true", help="look at the replies' account of themselves too")
    parser.add_argument("--bot", help="module:Class that talks to the bot, in place of Rasa's REST form")
    parser.add_argument("--floor", type=float, default=0.0, help="percent that must pass, of all and of safety")
    parser.add_argument("--at-once", type=int, default=1, help="conversations held at the same time")
    parser.add_argument("--out", type=Path, default=Path("reports/latest"), help="folder for suite.json, suite.xml, suite.html")
    parser.add_argument("--suite", type=Path, default=FOLDER, help="folder with ideas.yml and conversations/")
    return parser


def _bot(named: Optional[str], url: str) -> Bot:
    """The bot to ask; its key, where it has one, is in the environment, because commands can be seen by others."""
    key = os.environ.get("SUITE_KEY")
    if named is None:
        return RestBot(url, key)
    module, _, name = named.partition(":")
    sys.path.insert(0, os.getcwd())
    try:
        return getattr(importlib.import_module(module), name)(url, key)
    except (ImportError, AttributeError, ValueError) as error:
        raise SuiteError(f"--bot {named} can't be used ({error}). Mend: module:Class, with a file module.py here.") from None


if __name__ == "__main__":
    sys.exit(main())
