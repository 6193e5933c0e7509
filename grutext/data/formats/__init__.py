"""One file a format: labelled rows as they stand on the disk; `registry` lists the formats."""
