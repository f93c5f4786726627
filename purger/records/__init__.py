"""Writes down what happened to each takedown: rows, log lines and histograms. Speaks to no edge."""
