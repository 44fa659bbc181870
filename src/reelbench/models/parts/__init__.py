"""What several models are made of: effects, factors, kernels, neighbours, matrices, weights."""
