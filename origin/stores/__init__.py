"""Kinds of stores for the bytes of images, behind one contract: a directory (or tree) of files, and object stores."""
