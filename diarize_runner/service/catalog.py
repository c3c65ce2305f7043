"""What the verified cache of the service can do."""

from dataclasses import dataclass, replace

from diarize_runner.cache.box.verify import VerifiedCache
from diarize_runner.errors import UsageError
from diarize_runner.service.work import FINDING_SPEAKERS, TRANSCRIBING, TaskName, Work
from diarize_runner.transcription.models import ALIASES, find_models
from diarize_runner.transcription.options import TranscriptionOptions

_FOREIGN = ("whisper-1", "gpt-4o-transcribe", "gpt-4o-mini-transcribe", "gpt-4o-transcribe-diarize")
"""Names that clients of OpenAI send; each means the default model."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Catalog:
    """The transcription models of a cache."""

    multilingual: dict[str, bool]
    """Whether each model knows languages besides English, by name; in the manifest's order."""
    default: str | None
    """The model of requests that name none; None if there is no model."""

    @classmethod
    def of(cls, cache: VerifiedCache, default: str | None = None) -> "Catalog":
        """Read the models' names and vocabularies.

        Raises:
            UsageError: the cache has no model `default`.
            IntegrityError: a vocabulary has changed since it was verified.
        """
        models = {model.name: model.is_multilingual(cache) for model in find_models(cache.manifest)}
        catalog = cls(multilingual=models, default=next(iter(models), None))
        return cls(multilingual=models, default=catalog.choose(default)) if default else catalog

    def choose(self, name: str | None) -> str:
        """Return the model that a request names; the default one for no name, or for one of OpenAI's.

        Raises:
            UsageError: there is no such model.
        """
        if self.default is None:
            hint = "publish a cache with one, such as cache_manifests/whisper-small.yaml, or upload a transcript"
            raise UsageError("the cache of this server holds no transcription model", hint=hint)
        if name is None or name in _FOREIGN:
            return self.default
        found = ALIASES.get(name, name)
        if found not in self.multilingual:
            hint = f"use one of: {', '.join(self.multilingual)}, or leave it out"
            raise UsageError(f"this server has no transcription model {name!r}", hint=hint)
        return found

    def language(self, model: str, requested: str | None) -> str | None:
        """Return the code of a language; None to detect it.

        Raises:
            UsageError: Whisper does not know it, or the model knows only English.
        """
        code = TranscriptionOptions(language=requested).language
        if code not in (None, "en") and not self.multilingual[model]:
            raise UsageError(f"{model} knows only English", hint="use a model without .en in its name")
        return code

    def labelling_task(self, *, has_transcript: bool) -> TaskName:
        """Return the task that finds who said what, as far as this server can: `diarize` takes a transcript along."""
        return "diarize" if has_transcript or self.default is None else "run"

    def complete(self, work: Work, model: str | None, language: str | None) -> Work:
        """Return the work with the transcription model and language that it needs, if it transcribes.

        Raises:
            UsageError: there is no such model, or it does not know the language; or speakers are to be named, and the
                task finds none.
        """
        if work.names_speakers and work.task not in FINDING_SPEAKERS:
            hint = "leave out known_speakers, or ask for a result with speakers, such as task=diarize or diarized_json"
            raise UsageError("the result would have no speakers to name", hint=hint)
        if work.task not in TRANSCRIBING:
            return work
        chosen = self.choose(model)
        return replace(work, transcription_model=chosen, language=self.language(chosen, language))
