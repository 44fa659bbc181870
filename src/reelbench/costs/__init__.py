"""What a run costs, before it is started, and which models a budget has room for.

`terms.py` states how the cost of every stage and model grows with the data and its settings,
`coefficients.json` what `benchmarks/cost.py` measured for each term, `predict.py` puts the two
together, and `plan.py` does it for a whole run, and chooses.
"""
