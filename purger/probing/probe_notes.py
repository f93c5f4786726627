"""Defines reasons for which a probe result proves nothing, or less than usual. Receipts are judged by some of them."""

#: Nothing more can be learnt of a row by a later probe.
LIFTED = "the ban was lifted before"
CHANGED = "what it covers changed before"
NO_IMAGES = "no images"

#: The image was proven gone, at an edge that does not name its renditions.
ROWS_ALONE = "renditions in the database alone"
