"""What a piece of code imports, seen in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys


def run_without_keras(code: str) -> None:
    """Run the code; an assertion fails there if it has loaded Keras or TensorFlow."""
    checked = f"{code}\nimport sys\nassert not {{'tensorflow', 'keras'}} & set(sys.modules)"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    subprocess.run([sys.executable, "-c", checked], check=True, env=environment)
