"""scikit-learn's own checks, and its tools."""

import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from argrad.cluster import KMeans

# scikit-learn expects the same of its own KMeans: seeds are draws, so weights are repetitions in law only.
EXPECTED = {"check_sample_weight_equivalence_on_dense_data": "weights are repetitions in law, not draw by draw"}

pytestmark = [
    pytest.mark.filterwarnings("ignore:Estimator KMeans does not inherit"),  # it does the same without the import
    pytest.mark.filterwarnings("ignore:Number of distinct clusters"),  # checks fit tiny data
]


@pytest.mark.parametrize("model", [KMeans(n_clusters=3, random_state=0), KMeans()], ids=["three", "default"])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
def test_check_estimator(model):
    results = check_estimator(model, expected_failed_checks=EXPECTED, on_skip=None)
    assert len(results) > 40
    assert {r["status"] for r in results} <= {"passed", "skipped", "xfail"}


def test_clone_pipeline_and_grid_search():
    X = load_iris().data
    copied = clone(KMeans(3, random_state=0, momentum=0.5))
    assert copied.get_params()["momentum"] == 0.5
    pipeline = make_pipeline(StandardScaler(), KMeans(3, random_state=0)).fit(X)
    assert pipeline.transform(X).shape == (150, 3)
    search = GridSearchCV(KMeans(random_state=0), {"n_clusters": [2, 3, 4]}, cv=3).fit(X)
    assert search.best_params_ == {"n_clusters": 4}  # the score is minus the inertia


def test_repr_names_what_was_given():
    assert repr(KMeans(3, momentum=0.5)) == "KMeans(n_clusters=3, momentum=0.5)"
    with pytest.raises(ValueError, match="Invalid parameter 'clusters'"):
        KMeans().set_params(clusters=3)


def test_columns_are_remembered():
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame(load_iris().data, schema=["a", "b", "c", "d"])
    model = KMeans(3, random_state=0).fit(frame)
    assert list(model.feature_names_in_) == ["a", "b", "c", "d"]
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(frame.rename({"a": "z"}))
    assert list(model.get_feature_names_out()) == ["kmeans0", "kmeans1", "kmeans2"]
