"""`reelbench init`: looks at anybody's files and writes a configuration that reads them.

`layout` says how a file is written, `roles` what its columns are, `write` asks, writes and checks.
"""
