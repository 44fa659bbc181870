"""One root seed gives a seed per name, so that adding a model changes no other model's numbers."""

import hashlib
import os
import random

import numpy as np


def seed_for(root: int, *names: str) -> int:
    """Seed in [0, 2**31) of a named random process; depends on the names, never on call order."""
    digest = hashlib.sha256("/".join([str(root), *names]).encode()).digest()
    return int.from_bytes(digest[:4], "little") & 0x7FFF_FFFF


def generator(root: int, *names: str) -> np.random.Generator:
    """NumPy generator of a named random process."""
    return np.random.default_rng(seed_for(root, *names))


def pin_runtime(threads: int) -> None:
    """Fix what makes floating-point sums differ between two runs on one machine.

    Numeric libraries split a sum by the number of threads, so that number is part of the result; it
    comes from the configuration and not from the machine. Environment variables only reach what is
    loaded later (TensorFlow, torch); threadpoolctl reaches the BLAS that NumPy has loaded.
    """
    from threadpoolctl import threadpool_limits

    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = str(threads)
    os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"  # else other kernels, and roundings, by processor
    # a graphics card would do the same, so it is left alone where there is one
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    threadpool_limits(threads)


def seed_everything(seed: int) -> None:
    """Seed the global generators that libraries use behind our back."""
    random.seed(seed)
    np.random.seed(seed)


def seed_keras(seed: int, threads: int) -> None:
    """Seed Keras and make TensorFlow's operations deterministic. Imports TensorFlow (4 s)."""
    import keras
    import tensorflow as tf

    if tf.config.threading.get_intra_op_parallelism_threads() != threads:
        try:
            tf.config.threading.set_intra_op_parallelism_threads(threads)
            tf.config.threading.set_inter_op_parallelism_threads(1)
        except RuntimeError:  # TensorFlow runs already (a test session): its threads are set
            pass
    tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(seed)
