"""k-means, trained through its argmin: the loss for any optimiser, the estimator, files, several machines."""

from argrad.cluster.assignment import Assignment, Pass, backend, nearest
from argrad.cluster.files import Files
from argrad.cluster.inputs import ConvergenceWarning
from argrad.cluster.kmeans import KMeans
from argrad.cluster.loss import assign, kmeans_loss, newton_
from argrad.cluster.seeding import kmeans_parallel, kmeans_plus_plus, random_points
from argrad.cluster.shard import Shard

__all__ = [
    "Assignment",
    "ConvergenceWarning",
    "Files",
    "KMeans",
    "Pass",
    "Shard",
    "assign",
    "backend",
    "kmeans_loss",
    "kmeans_parallel",
    "kmeans_plus_plus",
    "nearest",
    "newton_",
    "random_points",
]
