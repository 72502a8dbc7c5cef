"""A stand-in for an AI provider: speaks OpenAI's and Anthropic's wire, thinks by script, and fails on request."""
