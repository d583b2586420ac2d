"""The conventions in which people keep videos and captions, one small file each, all read into the same rows."""
