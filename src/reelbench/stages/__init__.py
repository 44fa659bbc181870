"""The pipeline's stages: shells that load parameters, read, call, write and track."""
