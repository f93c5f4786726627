-- What is asked of each edge, and done.
SELECT name, enabled, flush_asked, flush_done, problem FROM edges ORDER BY name
