"""Multilingual Whisper models in CTranslate2's format: real in shape and vocabulary, random in weights, a few MB.

faster-whisper loads them. They detect German in everything, and write some random words into each piece of speech.
"""

import json
import tempfile
from pathlib import Path

import numpy as np
from ctranslate2.specs import WhisperSpec
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

from diarize_runner.transcription.languages import LANGUAGES

WIDTH, HEADS, LAYERS = 16, 2, 1
TEXT_TOKENS, TIMESTAMPS = 50_257, 1_501
EMPTY = ""
"""The last of the text tokens; CTranslate2 takes a model with it for multilingual."""
AUDIO_FRAMES, TEXT_POSITIONS = 1_500, 448
SPOKEN_TOKENS = 12
"""How many tokens come before the end of the text, about."""
DETECTED = "de"
_TASKS = ("translate", "transcribe", "startoflm", "startofprev", "nospeech", "notimestamps")
_FIRST, _LAST, _TIMES = 0, 1, 2
"""Channels: high at the first position; rising with each position; equal at all of them."""


def whisper_files(mels=80, languages=99, vocabulary="vocabulary.txt"):
    """Return the files of a model, as the Hub has them; 128 mels and 100 languages are those of large-v3."""
    specials = ["endoftext", "startoftranscript", *list(LANGUAGES)[:languages], *_TASKS]
    tokenizer = _tokenizer([f"<|{name}|>" for name in specials])
    listed = sorted(tokenizer.get_vocab(), key=tokenizer.get_vocab().get)
    tokens = [*listed, *(f"<|{step * 0.02:.2f}|>" for step in range(TIMESTAMPS))]
    as_text = "".join(f"{token}\n" for token in tokens)
    files = {
        **_model(mels, tokens),
        "tokenizer.json": tokenizer.to_str().encode(),
        vocabulary: (json.dumps(tokens) if vocabulary.endswith(".json") else as_text).encode(),
    }
    features = {"feature_size": mels, "sampling_rate": 16_000, "hop_length": 160, "n_fft": 400, "chunk_length": 30}
    return files if mels == 80 else {**files, "preprocessor_config.json": json.dumps(features).encode()}


def _tokenizer(specials):
    """Return a tokenizer of bytes, and of as many words as Whisper's."""
    letters = pre_tokenizers.ByteLevel.alphabet()
    words = [f"Ġw{number}" for number in range(TEXT_TOKENS - len(letters) - 1)]
    text = {token: index for index, token in enumerate([*sorted(letters), *words, EMPTY])}
    tokenizer = Tokenizer(models.BPE(text, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(name, special=True, normalized=False) for name in specials])
    return tokenizer


def _model(mels, tokens):
    """Return model.bin and config.json."""
    random = np.random.default_rng(0)
    spec = WhisperSpec(LAYERS, HEADS, LAYERS, HEADS)
    _set_encoder(spec.encoder, mels, random)
    _set_decoder(spec.decoder, tokens, random)
    spec.config.suppress_ids, spec.config.suppress_ids_begin = [], []
    spec.config.alignment_heads = [[0, head] for head in range(HEADS)]
    spec.config.lang_ids = [tokens.index(f"<|{code}|>") for code in LANGUAGES if f"<|{code}|>" in tokens]
    spec.register_vocabulary(tokens)
    spec.validate()
    spec.optimize()
    with tempfile.TemporaryDirectory() as folder:
        spec.save(folder)
        return {name: Path(folder, name).read_bytes() for name in ("model.bin", "config.json")}


def _set_encoder(encoder, mels, random):
    for conv, channels in ((encoder.conv1, mels), (encoder.conv2, WIDTH)):
        conv.weight, conv.bias = _matrix(random, WIDTH, channels, 3), _zeros(WIDTH)
    encoder.position_encodings.encodings = _matrix(random, AUDIO_FRAMES, WIDTH)
    _set_norm(encoder.layer_norm)
    for layer in encoder.layer:
        _set_attention(layer.self_attention, random, 3, 1)
        _set_feed_forward(layer.ffn, random)


def _set_decoder(decoder, tokens, random):
    """Let the tokens depend on the position more than on what was heard."""
    weights, positions = _matrix(random, len(tokens), WIDTH), _matrix(random, TEXT_POSITIONS, WIDTH)
    channels = {f"<|{DETECTED}|>": _FIRST, "<|endoftext|>": _LAST}
    weights[:, : _TIMES + 1] = 0
    for token, channel in channels.items():
        weights[tokens.index(token), channel] = 5
    weights[-TIMESTAMPS:, _TIMES] = -4
    positions[:, _FIRST], positions[0, _FIRST] = -3, 30
    positions[:, _LAST] = np.clip(np.arange(TEXT_POSITIONS) - SPOKEN_TOKENS, -5, 5)
    positions[:, _TIMES] = 2
    decoder.embeddings.weight = decoder.projection.weight = weights
    decoder.position_encodings.encodings = positions
    _set_norm(decoder.layer_norm)
    for layer in decoder.layer:
        _set_attention(layer.self_attention, random, 3, 1)
        _set_attention(layer.attention, random, 1, 2, 1)
        _set_feed_forward(layer.ffn, random)


def _set_attention(attention, random, *widths):
    _set_norm(attention.layer_norm)
    for linear, width in zip(attention.linear, widths, strict=True):
        _set_linear(linear, random, width * WIDTH, WIDTH)


def _set_feed_forward(ffn, random):
    _set_norm(ffn.layer_norm)
    _set_linear(ffn.linear_0, random, 4 * WIDTH, WIDTH)
    _set_linear(ffn.linear_1, random, WIDTH, 4 * WIDTH)


def _set_linear(linear, random, *shape):
    linear.weight, linear.bias = 0.1 * _matrix(random, *shape), _zeros(shape[0])


def _set_norm(norm):
    norm.gamma, norm.beta = np.ones(WIDTH, np.float32), _zeros(WIDTH)


def _matrix(random, *shape):
    return random.standard_normal(shape, np.float32)


def _zeros(size):
    return np.zeros(size, np.float32)
