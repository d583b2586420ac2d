"""The routes: the OpenAI Videos protocol, and what a studio needs beyond it."""
