"""Results as each API has them: pydantic models, which OpenAPI shows, made of a FinishedJob."""
