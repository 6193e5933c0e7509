"""Logistic regression with few rows and many features."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_STRENGTHS = (0.1, 1.0, 10.0, 100.0, 1000.0)  # the values of C that cross-validation chooses from
_FOLDS = 5


class LogisticRegression:
    """L2-regularised logistic regression whose C five folds choose by accuracy.

    The best weights are a sum of the rows of the training matrix. So it is solved in coordinates of the N rows instead of the
    features, which gives the same weights in a small part of the time.

    Attributes:
        weights: (F, C).
        intercept: (C,).
        strength: The chosen C.
    """

    weights: NDArray[np.float64]
    intercept: NDArray[np.float64]
    strength: float

    def fit(self, features: Any, targets: NDArray[np.int64], seed: int) -> LogisticRegression:
        """Fit to a sparse or dense matrix, (N, F), and the indices of the labels, (N,); each label occurs."""
        from sklearn import linear_model
        from sklearn.model_selection import GridSearchCV, KFold

        products = features @ features.T  # (N, N)
        values, axes = np.linalg.eigh(products if isinstance(products, np.ndarray) else products.toarray())
        kept = values > 1e-6 * values[-1]
        scales = np.sqrt(values[kept])  # (K,)
        rows = axes[:, kept] * scales  # (N, K), with the same products as the features
        search = GridSearchCV(
            linear_model.LogisticRegression(max_iter=1000, tol=1e-6),
            {"C": _STRENGTHS},
            scoring="accuracy",
            cv=KFold(_FOLDS, shuffle=True, random_state=seed),
        )
        best = search.fit(rows, targets).best_estimator_
        weights, intercept = best.coef_, best.intercept_
        if len(intercept) == 1:  # two labels: the first has the opposite half of the second's log odds
            weights, intercept = np.vstack([-weights, weights]) / 2, np.append(-intercept, intercept) / 2
        self.weights = features.T @ (axes[:, kept] / scales @ weights.T)
        self.intercept = intercept
        self.strength = search.best_params_["C"]
        return self

    def predict_proba(self, features: Any) -> NDArray[np.float64]:
        """Return the probabilities, (N, C)."""
        from scipy.special import softmax

        probabilities: NDArray[np.float64] = softmax(features @ self.weights + self.intercept, axis=1)
        return probabilities
