"""Run edges: Varnish with the project's VCL, hitch before it, and stub edges where a test needs hundreds.

May import `stack.processes`.
"""
