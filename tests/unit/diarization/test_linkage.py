"""Centroid linkage against scipy's: equal cluster numbers, less memory, and stock's clustering around it."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyannote.audio.pipelines.clustering import AgglomerativeClustering, KMeansClustering, VBxClustering
from scipy.cluster import hierarchy

from benchmarks.clustering.embeddings import KINDS, speakers, unit
from benchmarks.clustering.equality import numbers
from diarize_runner.diarization import clustering
from diarize_runner.diarization.clustering import limit_memory
from diarize_runner.diarization.heap import Heap
from diarize_runner.diarization.linkage import centroid_linkage

SETS = 20
"""Random sets of each kind."""


def scipy_linkage(embeddings):
    return hierarchy.linkage(embeddings, method="centroid", metric="euclidean")


@pytest.mark.parametrize("kind", KINDS)
def test_cluster_numbers_equal_those_of_scipy(kind):
    random = np.random.default_rng(1)
    for _ in range(SETS):
        embeddings = unit(kind(random, int(random.integers(2, 120)), int(random.choice([4, 192, 256]))))
        expected, found = scipy_linkage(embeddings), centroid_linkage(embeddings)
        np.testing.assert_array_equal(numbers(found), numbers(expected))
        np.testing.assert_allclose(found[:, 2:], expected[:, 2:], atol=1e-7)


@pytest.mark.parametrize("kind", KINDS)
def test_the_order_of_merges_equals_that_of_scipy(kind):
    embeddings = unit(kind(np.random.default_rng(2), 400, 192))
    np.testing.assert_array_equal(centroid_linkage(embeddings)[:, :2], scipy_linkage(embeddings)[:, :2])


def test_embeddings_of_any_length_are_linked_as_by_scipy():
    embeddings = 1000 * speakers(np.random.default_rng(3), 300, 64)
    np.testing.assert_array_equal(centroid_linkage(embeddings)[:, :2], scipy_linkage(embeddings)[:, :2])


def test_one_embedding_has_no_merge():
    assert centroid_linkage(np.ones((1, 4))).shape == (0, 4)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_an_embedding_that_is_not_finite_is_refused_as_by_scipy(value):
    embeddings = np.ones((3, 4))
    embeddings[1, 2] = value
    for link in (scipy_linkage, centroid_linkage):
        with pytest.raises(ValueError, match="finite"):
            link(embeddings)


def test_the_embeddings_stay_unchanged():
    embeddings = unit(speakers(np.random.default_rng(4), 50, 8)).astype(np.float64)
    before = embeddings.copy()
    centroid_linkage(embeddings)
    np.testing.assert_array_equal(embeddings, before)


def peak_bytes(count):
    embeddings = unit(speakers(np.random.default_rng(5), count, 16))
    tracemalloc.start()
    centroid_linkage(embeddings)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak


def test_twice_the_embeddings_take_twice_the_memory():
    assert peak_bytes(1000) < 2.3 * peak_bytes(500)
    assert peak_bytes(1000) < 8 * 1000**2 / 3


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_the_first_value_of_a_heap_is_the_smallest(data):
    values = data.draw(st.lists(st.integers(0, 9).map(float), min_size=1, max_size=30))
    heap, left = Heap(values), dict(enumerate(values))
    while len(left) > 1:
        key, value = heap.first
        assert value == left[key] == min(left.values())
        changed = data.draw(st.sampled_from(sorted(left)))
        left[changed] = float(data.draw(st.integers(0, 9)))
        heap.change(changed, left[changed])
        del left[heap.first[0]]
        heap.pop()


def make_agglomerative():
    return AgglomerativeClustering().instantiate({"method": "centroid", "min_cluster_size": 3, "threshold": 0.7})


def test_agglomerative_clustering_gives_stocks_clusters_with_less_memory(monkeypatch):
    monkeypatch.setattr(clustering, "MAX_EMBEDDINGS_OF_SCIPY", 1)
    stock, ours = make_agglomerative(), make_agglomerative()
    limit_memory(ours)
    monkeypatch.setattr(hierarchy, "linkage", None)  # stock's module has its own reference
    embeddings = speakers(np.random.default_rng(6), 200, 32)
    for speakers_requested in ({}, {"num_clusters": 2}, {"min_clusters": 9}, {"max_clusters": 1}):
        hints = {"min_clusters": 1, "max_clusters": 20, **speakers_requested}
        expected, found = (each.cluster(embeddings.copy(), **hints) for each in (stock, ours))
        np.testing.assert_array_equal(found, expected)


def test_short_recordings_use_scipys_linkage(monkeypatch):
    monkeypatch.setattr(clustering, "centroid_linkage", None)
    embeddings = unit(speakers(np.random.default_rng(7), 100, 16))
    found = clustering.linkage(embeddings, method="centroid", metric="euclidean")
    np.testing.assert_array_equal(found, scipy_linkage(embeddings))


@pytest.mark.parametrize(("method", "metric"), [("average", "cosine"), ("ward", "euclidean"), ("centroid", "cosine")])
def test_other_kinds_of_linkage_use_scipys(monkeypatch, method, metric):
    monkeypatch.setattr(clustering, "MAX_EMBEDDINGS_OF_SCIPY", 1)
    monkeypatch.setattr(clustering.hierarchy, "linkage", lambda _, method, metric: (method, metric))
    assert clustering.linkage(np.ones((3, 2)), method=method, metric=metric) == (method, metric)


def test_only_the_clustering_of_one_pipeline_changes():
    stock_globals = AgglomerativeClustering.cluster.__globals__, VBxClustering.__call__.__globals__
    ours, other, unknown = make_agglomerative(), make_agglomerative(), KMeansClustering()
    for each in (ours, unknown):
        limit_memory(each)
    assert isinstance(ours, AgglomerativeClustering)
    assert (ours.threshold, ours.min_cluster_size, ours.method) == (other.threshold, 3, "centroid")
    assert (type(other), type(unknown)) == (AgglomerativeClustering, KMeansClustering)
    assert all(each["linkage"] is hierarchy.linkage for each in stock_globals)
