"""The ports through which decisions reach the world: durable state and the event log."""
