"""Videos over HTTP: an API, a durable queue, and workers that make what is queued."""
