"""Words: spaCy's English tokenizer, then spelling repair that knows the vocabulary."""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache
from importlib.resources import files
from itertools import islice
from pathlib import Path
from typing import Any, Dict, List, Optional, Text

import spacy
from rapidfuzz import process as fuzzy
from rapidfuzz.distance import OSA
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.nlu.constants import TOKENS_NAMES
from rasa.nlu.tokenizers.tokenizer import Token
from rasa.shared.nlu.constants import TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from dystonia.store import shared_store
from nlu.component import ReadingComponent, read_json, write_json
from nlu.message import NAMED_KINDS, Word, reading_of, text_of

MIN_REPAIRED = 4
"""Words shorter than this are left alone: too many short words are a slip away from each other."""
NAMED = 1_000_000
"""Added to the count of a word that names a type or a treatment."""
COMMON = 30_000
"""How many of the frequency list's words a misspelt everyday word may be repaired to."""

# Words of their own that stand a slip or two from a medical term and must never become it.
PROTECTED = frozenset(
    "dystopia dystopian dystopias dystrophy dystrophic dystrophies dysphagia dysphonia dyskinesia dyskinetic "
    "dysarthria dyslexia dyspraxia dystocia dyspnea dyspnoea dysphoria dysplasia estonia myotonia hypotonia "
    "hypertonia ataxia catatonia botulism myopia toxic tonic cramp clamp patients patience".split()
)
_APOSTROPHES = str.maketrans({"’": "'", "‘": "'", "`": "'", "´": "'", "“": '"', "”": '"'})
_LETTERS = re.compile(r"^[a-z]+$")


@lru_cache(maxsize=1)
def shared_tokenizer() -> spacy.Language:
    """spaCy's English tokenizer, made once (0.13 s)."""
    return spacy.blank("en")


@DefaultV1Recipe.register([DefaultV1Recipe.ComponentType.MESSAGE_TOKENIZER], is_trainable=False)
class SpacyWords(ReadingComponent):
    """Splits a message into words with spaCy's rules for English; no statistical model is needed for that."""

    def __init__(self, config: Dict[Text, Any], storage: Any, resource: Any) -> None:
        super().__init__(config, storage, resource)
        self._nlp = shared_tokenizer()

    def read(self, message: Message) -> None:
        """Adds the words, and Rasa's own tokens for components and tests that look for them."""
        reading = reading_of(message)
        reading.words = [
            Word(token.text, token.text, token.idx, token.idx + len(token.text), token.whitespace_)
            for token in self._nlp.make_doc(text_of(message).translate(_APOSTROPHES))
            if not token.is_space
        ]
        message.set(TOKENS_NAMES[TEXT], [Token(word.typed, word.start, word.end) for word in reading.words])


@DefaultV1Recipe.register([DefaultV1Recipe.ComponentType.MESSAGE_FEATURIZER], is_trainable=True)
class SpellingRepair(ReadingComponent):
    """Repairs slips: first to words of the facts, then to common English words. Known and protected words stay.

    Distance is optimal string alignment (one letter added, left out, changed, or two swapped).
    """

    def __init__(self, config: Dict[Text, Any], storage: Any, resource: Any) -> None:
        super().__init__(config, storage, resource)
        self._domain: Dict[str, int] = {}
        self._use()

    @classmethod
    def required_components(cls) -> List[type]:
        """Words come first."""
        return [SpacyWords]

    def train(self, training_data: TrainingData) -> Resource:
        """Learns which words the facts use; training examples are no source, because they hold slips on purpose."""
        store = shared_store()
        texts = [passage.text for card in store.cards.values() for passage in card.passages]
        texts += [phrase for term in store.terms.values() for phrase in [term.name, *term.synonyms, *term.older_terms]]
        texts += [synonym for country in store.countries.values() for synonym in country.synonyms]
        counted = Counter(word for text in texts for word in re.findall(r"[a-z]+", text.lower()))
        named = {
            word
            for term in store.terms.values()
            if term.kind in NAMED_KINDS
            for word in re.findall(r"[a-z]+", term.name.lower())
        }
        named |= {synonym.lower() for term in store.terms.values() if term.kind in NAMED_KINDS for synonym in term.synonyms}
        # "Botx" is botox sooner than "both", however often the cards say "both".
        self._domain = {word: count + NAMED * (word in named) for word, count in counted.items()}
        self._use()
        return self.persist()

    def keep(self, folder: Path) -> None:
        """Writes the words of the facts with their counts."""
        write_json(folder / "words.json", self._domain)

    def restore(self, folder: Path) -> None:
        """Reads the words of the facts."""
        self._domain = read_json(folder / "words.json")
        self._use()

    def read(self, message: Message) -> None:
        """Sets the repaired form of each word."""
        for word in reading_of(message).words:
            word.repaired = self.repair(word.typed)

    def repair(self, typed: str) -> str:
        """A word as it was probably meant; unchanged when it is known, protected, short, or like nothing known."""
        word = typed.lower()
        if len(word) < MIN_REPAIRED or not _LETTERS.match(word) or self._is_known(word) or word in PROTECTED:
            return typed
        if word not in self._repairs:
            if len(self._repairs) > 20_000:
                self._repairs.clear()
            self._repairs[word] = self._nearest(word) or typed
        return self._repairs[word]

    def _use(self) -> None:
        # A slip of a protected word is repaired to that word, so that it can't be taken for a medical one.
        self._medical = [word for word in {**dict.fromkeys(PROTECTED, 0), **self._domain} if len(word) >= MIN_REPAIRED]
        self._everyday: Dict[int, List[str]] = {}
        for word in islice(_common_words(), COMMON):
            if len(word) >= MIN_REPAIRED:
                self._everyday.setdefault(len(word), []).append(word)
        self._repairs: Dict[str, str] = {}

    def _nearest(self, word: str) -> Optional[str]:
        undoubled = [word[:place] + word[place + 1 :] for place in range(1, len(word)) if word[place] == word[place - 1]]
        known = next(filter(self._is_known, undoubled), None)
        if known:
            return known
        reach = 1 if len(word) < 6 else 2
        medical = self._closest(word, self._medical, reach, lambda near: -self._domain.get(near, 0))
        if medical:
            return medical
        neighbours = [near for length in range(len(word) - 1, len(word) + 2) for near in self._everyday.get(length, ())]
        order = _common_words()
        return self._closest(word, neighbours, 1, order.__getitem__)

    def _is_known(self, word: str) -> bool:
        return word in _common_words() or word in self._domain

    @staticmethod
    def _closest(word: str, choices: List[str], reach: int, rank: Any) -> Optional[str]:
        found = fuzzy.extract(word, choices, scorer=OSA.distance, score_cutoff=reach, limit=8)
        # Slips rarely hit the first letter; among equals the commoner word is likelier.
        return min(found, key=lambda near: (near[1], near[0][0] != word[0], rank(near[0])))[0] if found else None


def _common_words() -> Dict[str, int]:
    if not _COMMON_WORDS:
        listing = files("symspellpy") / "frequency_dictionary_en_82_765.txt"
        lines = listing.read_text(encoding="utf-8-sig").splitlines()
        _COMMON_WORDS.update((line.partition(" ")[0], rank) for rank, line in enumerate(lines))
    return _COMMON_WORDS


_COMMON_WORDS: Dict[str, int] = {}
