"""From tables as published to the canonical ones: validation, numbering, filters, enrichment."""
