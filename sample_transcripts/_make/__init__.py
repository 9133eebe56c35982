"""Makes the sample incidents: a tiny imitation of the Harn runtime, and one module per incident.

Nothing here imports harnlab: the samples and their expected facts must be able to contradict it.
"""
