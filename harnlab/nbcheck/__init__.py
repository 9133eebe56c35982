"""Notebooks as tests: every cell runs again and must show what it showed.

``pytest --harnlab-notebooks`` holds any repository's notebooks to it; ``python -m harnlab.nbcheck NOTEBOOK`` records
one in the same surroundings. Nothing here is loaded by the rest of harnlab.
"""
