"""Names the notes that stand in place of a proof in a probe result; receipts are judged by some of them."""

#: Nothing more can be learnt of a row by a later probe.
LIFTED = "the ban was lifted before"
CHANGED = "what it covers changed before"
NO_IMAGES = "no images"

#: The image was proven gone, at an edge that does not name its renditions.
ROWS_ALONE = "renditions in the database alone"
