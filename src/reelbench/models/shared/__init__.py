"""What several models share: biases, factors, user-item matrices, training by Surprise."""
