#!/bin/sh
# Run one pipeline stage with the project's own interpreter, whether or not its environment is activated.
# `dvc exp run --temp` works in a copy below .dvc/tmp of the checkout, where there is no .venv: look in the
# checkout then. PYTHONPATH makes the code that runs the code that DVC hashed, in such a copy too.
checkout=${PWD%%/.dvc/tmp/*}
# later stages depend on these, which a default run does not fill; DVC warns of folders without a file
mkdir -p data/imported data/repeats data/tuning reports/replication
for folder in data/imported data/repeats data/tuning; do [ -e $folder/.keep ] || : >$folder/.keep; done
[ -e reports/tuning.json ] || echo "{}" >reports/tuning.json
python=python
# compiled modules are kept, whatever the environment says: a stage without them takes three times as long
unset PYTHONDONTWRITEBYTECODE
[ -x "$checkout/.venv/bin/python" ] && python="$checkout/.venv/bin/python"
PYTHONPATH=src exec "$python" -m reelbench.stages "$@"
