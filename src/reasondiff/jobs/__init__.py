"""One request for a video, whoever asks: the command line, a server, a browser."""
