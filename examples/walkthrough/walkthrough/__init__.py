"""The steps of the walk-through, for the notebook and the script alike: tune, store, serve, ask."""
