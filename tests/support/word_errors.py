"""How many words have the wrong speaker.

WDER, the word diarization error rate: of the words that reference and hypothesis share, the part with another speaker,
under the best one-to-one mapping of speakers (Shafey, Soltau and Shafran, "Joint Speech Recognition and Speaker
Diarization via Sequence Transduction", Interspeech 2019). The transcript is the reference's here, so no word is
substituted.

cpWER, the concatenated minimum-permutation word error rate: each speaker's words are put together, and the mapping with
the fewest edits counts, over the words of the reference (Watanabe et al., "CHiME-6 Challenge", CHiME workshop 2020).
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import permutations


def wder(reference: Sequence[str], hypothesis: Sequence[str | None]) -> float:
    """Compare the speakers of the same words; a word that nobody said is wrong."""
    pairs = list(zip(reference, hypothesis, strict=True))
    right = max(
        sum(1 for was, found in pairs if found is not None and mapping.get(was) == found)
        for mapping in _mappings(set(reference), {found for found in hypothesis if found is not None})
    )
    return 1 - right / len(pairs)


def cpwer(reference: Mapping[str, Sequence[str]], hypothesis: Mapping[str, Sequence[str]]) -> float:
    """Compare each speaker's words, in their order."""
    edits_of = {(was, found): edits(reference[was], hypothesis[found]) for was in reference for found in hypothesis}
    return min(
        sum(edits_of[was, found] if found is not None else len(reference[was]) for was, found in mapping.items())
        + sum(len(hypothesis[found]) for found in hypothesis if found not in mapping.values())
        for mapping in _mappings(set(reference), set(hypothesis))
    ) / sum(map(len, reference.values()))


def _mappings(reference: set[str], hypothesis: set[str]) -> Iterator[dict[str, str | None]]:
    """Yield every way to give each speaker of the reference one of the hypothesis, or none."""
    spare = [None] * max(0, len(reference) - len(hypothesis))
    for chosen in permutations([*sorted(hypothesis), *spare], len(reference)):
        yield dict(zip(sorted(reference), chosen, strict=True))


def edits(reference: Sequence[str], hypothesis: Sequence[str]) -> int:
    """Return the least number of words to insert, delete or substitute (Levenshtein)."""
    row = list(range(len(hypothesis) + 1))
    for word in reference:
        corner, row[0] = row[0], row[0] + 1
        for index, other in enumerate(hypothesis, start=1):
            corner, row[index] = row[index], min(corner + (word != other), row[index] + 1, row[index - 1] + 1)
    return row[-1]
