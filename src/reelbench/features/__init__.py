"""Feature blocks: arrays over items (or users), fitted on train alone, one file per block."""
