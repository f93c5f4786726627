"""Commands that ban and lift, wait for the edges, and show what each of them has acknowledged."""
