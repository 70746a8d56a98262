"""How well frozen features carry labels, and how near tasks are: before anything is fine-tuned.

Shape letters: N rows (or tokens), D width of the features, C classes, V values of a map.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Classes = NDArray[np.int64]
_ITERATIONS, _TOLERANCE, _TINY = 11, 1e-3, 1e-5
"""Of LogME's fixed point."""
RIDGE = 0.01
"""What is added to the features' mean variance where a map is fitted."""


def one_hot(labels_N: ArrayLike) -> Floats:
    """Return a column per class that occurs, shape (N, C)."""
    _, place_N = np.unique(np.asarray(labels_N), return_inverse=True)
    return np.eye(int(place_N.max()) + 1)[place_N]


def logme(features_ND: ArrayLike, labels_N: ArrayLike) -> float:
    """Return the log evidence per row of linear models of every class, the mean over classes.

    Higher is better; it may be above 0. Only between features of the same rows it is a ranking.

    Source:
        You et al. (2021), "LogME", and the fixed point of arXiv 2110.10545, as in the authors'
        code: it counts no directions beyond the features' rank in the determinant.
    """
    features_ND = np.asarray(features_ND, dtype=np.float64)
    num_rows, width = features_ND.shape
    left, singular, _ = np.linalg.svd(features_ND, full_matrices=False)
    kept = singular > 1e-10 * max(singular.max(initial=0.0), 1.0)
    power_K1 = singular[kept, None] ** 2
    values_NC = one_hot(labels_N)
    seen_KC = (left[:, kept].T @ values_NC) ** 2
    unseen_C = (values_NC**2).sum(axis=0) - seen_KC.sum(axis=0)
    alpha_C = np.ones(values_NC.shape[1])
    beta_C, squares_C, residual_C = (alpha_C.copy() for _ in range(3))
    moving_C = np.ones(len(alpha_C), dtype=bool)
    for _ in range(_ITERATIONS):
        ratio_C = alpha_C / beta_C
        effective_C = (power_K1 / (power_K1 + ratio_C)).sum(axis=0)
        squares = (power_K1 * seen_KC / (power_K1 + ratio_C) ** 2).sum(axis=0)
        residual = (seen_KC / (1 + power_K1 / ratio_C) ** 2).sum(axis=0) + unseen_C
        squares_C = np.where(moving_C, squares, squares_C)
        residual_C = np.where(moving_C, residual, residual_C)
        alpha_C = np.where(moving_C, effective_C / (squares + _TINY), alpha_C)
        beta_C = np.where(moving_C, (num_rows - effective_C) / (residual + _TINY), beta_C)
        moving_C &= np.abs(alpha_C / beta_C - ratio_C) > _TOLERANCE * ratio_C
    evidence_C = (
        width * np.log(alpha_C)
        + num_rows * np.log(beta_C)
        - np.log(alpha_C + beta_C * power_K1).sum(axis=0)
        - beta_C * residual_C
        - alpha_C * squares_C
        - num_rows * np.log(2 * np.pi)
    )
    return float(evidence_C.mean() / (2 * num_rows))


def h_score(features_ND: ArrayLike, labels_N: ArrayLike) -> float:
    """Return how far classes lie apart, measured by the features' own, shrunk, covariance.

    Source:
        Ibrahim et al. (2022), "Newer is not always better", with Ledoit and Wolf's shrinkage; 0 for
        features without variance.
    """
    centred_ND = np.asarray(features_ND, dtype=np.float64)
    centred_ND = centred_ND - centred_ND.mean(axis=0)
    num_rows, width = centred_ND.shape
    covariance_DD = centred_ND.T @ centred_ND / num_rows
    variance = np.trace(covariance_DD) / width
    if not variance:
        return 0.0
    square = (covariance_DD**2).sum()
    noise = (((centred_ND**2).sum(axis=1) ** 2).sum() / num_rows - square) / num_rows
    uneven = square - width * variance**2
    shrinkage = min(1.0, max(0.0, noise / uneven)) if uneven > _TINY * square else 0.0
    shrunk_DD = (1 - shrinkage) * covariance_DD + shrinkage * variance * np.eye(width)
    member_NC = one_hot(labels_N)
    means_CD = member_NC.T @ centred_ND / np.sqrt(member_NC.sum(axis=0))[:, None]
    between_DD = means_CD.T @ means_CD / (num_rows - 1)
    inverse_DD = np.linalg.pinv(shrunk_DD, rcond=1e-15, hermitian=True)
    return float((1 - shrinkage) * (inverse_DD * between_DD).sum())


def nearest_neighbours(features_ND: ArrayLike, labels_N: ArrayLike, k: int = 3) -> float:
    """Return the share of rows that most of their k nearest other rows are of the class of."""
    features_ND = np.asarray(features_ND, dtype=np.float64)
    member_NC = one_hot(labels_N)
    power_N = (features_ND**2).sum(axis=1)
    distance_NN = power_N[:, None] + power_N - 2 * features_ND @ features_ND.T
    np.fill_diagonal(distance_NN, np.inf)
    near_NK = np.argpartition(distance_NN, k - 1, axis=1)[:, :k]
    voted_N = member_NC[near_NK].sum(axis=1).argmax(axis=1)
    return float((voted_N == member_NC.argmax(axis=1)).mean())


def linear_map(features_ND: ArrayLike, values_NV: ArrayLike) -> Floats:
    """Return the ridge regression of values on features, the constant last, shape (D + 1, V).

    From a base encoder's features to a tuned encoder's it is an embedding space map (arXiv
    2410.15148, there found by gradient descent on the same squared error); from features to
    one-hot labels a probe.
    """
    features_ND, values_NV = (np.asarray(x, dtype=np.float64) for x in (features_ND, values_NV))
    mean_D, mean_V = features_ND.mean(axis=0), values_NV.mean(axis=0)
    centred_ND = features_ND - mean_D
    gram_DD = centred_ND.T @ centred_ND
    gram_DD += RIDGE * max(np.trace(gram_DD) / len(gram_DD), _TINY) * np.eye(len(gram_DD))
    weights_DV = np.linalg.solve(gram_DD, centred_ND.T @ (values_NV - mean_V))
    return np.vstack([weights_DV, mean_V - mean_D @ weights_DV])


def mapped(features_ND: ArrayLike, map_DV: Floats) -> Floats:
    """Return features sent through a `linear_map`, shape (N, V)."""
    found: Floats = np.asarray(features_ND, dtype=np.float64) @ map_DV[:-1] + map_DV[-1]
    return found


def cosine(a_D: ArrayLike, b_D: ArrayLike) -> float:
    """Return the cosine of two vectors, 0 where one is 0."""
    a_D, b_D = (np.asarray(each, dtype=np.float64) for each in (a_D, b_D))
    length = np.linalg.norm(a_D) * np.linalg.norm(b_D)
    return float(a_D @ b_D / length) if length else 0.0
