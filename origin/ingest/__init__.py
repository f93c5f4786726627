"""Takes uploads from a site's own programs: a private listener that stores, makes renditions, records, and answers.

Imports ``importing``, ``stores`` and the flat ``model`` and ``settings``.
"""
