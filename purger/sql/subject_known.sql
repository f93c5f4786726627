-- Whether there is any image with this code, or of this owner.
CALL subject_known_v1(%(scope)s, %(subject)s)
