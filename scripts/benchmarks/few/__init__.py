"""`scripts/bench few`: grutext and its peers with few labelled texts and many without a label."""
