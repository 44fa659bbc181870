"""From files as published to canonical tables: sources, readers, titles, schema, splits."""
