"""Training: from labelled texts and settings to a model. Needs the extra `train`."""
