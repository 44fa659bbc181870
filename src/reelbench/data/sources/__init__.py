"""Where the files of a data set come from: folders, archives, package registries, URLs."""
