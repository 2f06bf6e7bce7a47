"""Fine-tunes a GPT-2 on a Ray cluster and publishes it for Ortler to serve."""
