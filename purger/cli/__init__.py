"""Defines the command line `purger`, one module a command. `main` imports each command only when it runs.

Commands that ban, lift and prove images have the room `moderation`, those of the log and its key `signed_log`; both may
import `options`, which imports no command.
"""
