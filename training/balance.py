"""SMOTE (Chawla et al. 2002): rare classes filled up with points between neighbours of the same class."""

import numpy as np

from service.audio.features import Floats


def balanced(inputs: Floats, targets: Floats, *, seed: int) -> tuple[Floats, Floats]:
    """``inputs`` (n, ...) and one-hot ``targets`` (n, classes) with made-up members behind them, until every class that
    occurs is as large as the largest; as they are, where a class has but one.

    Only what is given is looked at: given the training part, nothing of another part can get in.
    """
    from imblearn.over_sampling import SMOTE

    truth = targets.argmax(axis=1)
    smallest = np.bincount(truth)[np.unique(truth)].min()
    if smallest < 2:  # no neighbours to make points with
        return inputs, targets
    smote = SMOTE(random_state=seed, k_neighbors=int(min(5, smallest - 1)))
    flat, labels = smote.fit_resample(inputs.reshape(len(inputs), -1), truth)
    return (
        flat.reshape(-1, *inputs.shape[1:]).astype(np.float32),
        np.eye(targets.shape[1], dtype=np.float32)[labels],
    )
