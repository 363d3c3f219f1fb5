"""The statistics of a dataset as one self-contained page with pictures."""
