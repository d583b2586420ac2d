"""Models that can be asked: servers with OpenAI's protocol, and local ones."""
