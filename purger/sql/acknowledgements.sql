-- How far a ban, a subject or (NULL for each) everything has come, of the rows up to %(upto)s; then, how far each edge.
CALL acknowledgements_v1(%(ban)s, %(scope)s, %(subject)s, %(upto)s)
