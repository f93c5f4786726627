-- Adds the index by which a site finds its new images. The tables stay writable meanwhile. A repeated run ends at it, with
-- error 1061.
ALTER TABLE images ADD KEY imported_at (imported_at);
