"""Speaker errors per word.

WDER, the word diarization error rate: the share of words with the wrong speaker, under the best one-to-one mapping of
speakers (Shafey, Soltau and Shafran, "Joint Speech Recognition and Speaker Diarization via Sequence Transduction",
Interspeech 2019). Both sides have the same words here, so there are no substitutions.

cpWER, the concatenated minimum-permutation word error rate: the edits between each speaker's concatenated words, under
the best mapping, over the words of the reference (Watanabe et al., "CHiME-6 Challenge", CHiME workshop 2020).
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import permutations


def wder(reference: Sequence[str], hypothesis: Sequence[str | None]) -> float:
    """Return the WDER of two speaker sequences; None in the hypothesis is an error."""
    pairs = list(zip(reference, hypothesis, strict=True))
    right = max(
        sum(1 for was, found in pairs if found is not None and mapping.get(was) == found)
        for mapping in _mappings(set(reference), {found for found in hypothesis if found is not None})
    )
    return 1 - right / len(pairs)


def cpwer(reference: Mapping[str, Sequence[str]], hypothesis: Mapping[str, Sequence[str]]) -> float:
    """Return the cpWER of the words by speaker."""
    edits_of = {(was, found): edits(reference[was], hypothesis[found]) for was in reference for found in hypothesis}
    return min(
        sum(edits_of[was, found] if found is not None else len(reference[was]) for was, found in mapping.items())
        + sum(len(hypothesis[found]) for found in hypothesis if found not in mapping.values())
        for mapping in _mappings(set(reference), set(hypothesis))
    ) / sum(map(len, reference.values()))


def _mappings(reference: set[str], hypothesis: set[str]) -> Iterator[dict[str, str | None]]:
    """Yield every mapping of reference speakers to hypothesis speakers or None."""
    spare = [None] * max(0, len(reference) - len(hypothesis))
    for chosen in permutations([*sorted(hypothesis), *spare], len(reference)):
        yield dict(zip(sorted(reference), chosen, strict=True))


def edits(reference: Sequence[str], hypothesis: Sequence[str]) -> int:
    """Return the Levenshtein distance in words."""
    row = list(range(len(hypothesis) + 1))
    for word in reference:
        corner, row[0] = row[0], row[0] + 1
        for index, other in enumerate(hypothesis, start=1):
            corner, row[index] = row[index], min(corner + (word != other), row[index] + 1, row[index - 1] + 1)
    return row[-1]
